// What a tool call of an MCP server costs, by where the server is. Over stdio: as a child of the SDK's own transport, in our
// local environment, and through the servers. Over Streamable HTTP: directly, and through the servers. Every server is a
// process of a few lines that answers at once. Prints milliseconds.
//
//     npm run build && node bench/mcp.mjs [--calls N] [--rounds N]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { LocalEnvironment, RemoteEnvironment } from '../dist/environment/index.js';
import { connectServer } from '../dist/mcp/index.js';
import { OURS, RunningServer, resolveServer } from './servers.mjs';

const SERVER_MARK = 'EXEC_SERVER_BENCH_MCP';
const PEER = '0.169.0';
const WARM_UP_CALLS = 100;
const SELF = fileURLToPath(import.meta.url);

const METHODS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'bench', version: '1' },
  }),
  'tools/call': ({ arguments: { text } }) => ({ content: [{ type: 'text', text }] }),
};

function answer(text) {
  const { id, method, params } = JSON.parse(text);
  return id === undefined ? undefined : JSON.stringify({ jsonrpc: '2.0', id, result: METHODS[method](params) });
}

async function serveStdio() {
  const { createInterface } = await import('node:readline');
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = answer(line);
    if (reply) process.stdout.write(`${reply}\n`);
  }
}

function serveHttp() {
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') return response.writeHead(405).end();
    const reply = answer((await request.toArray()).join(''));
    return reply ? response.setHeader('content-type', 'application/json').end(reply) : response.writeHead(202).end();
  });
  server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}/mcp`));
  process.on('disconnect', () => process.exit());
}

async function call(client, text) {
  const { content } = await client.callTool({ name: 'echo', arguments: { text } });
  if (content[0].text !== text) throw new Error(`the tool answered \`${content[0].text}\`, expected \`${text}\``);
}

async function measure(client, calls) {
  const times = [];
  for (let n = 0; n < calls; n += 1) {
    const start = performance.now();
    await call(client, `call ${n}`);
    times.push(performance.now() - start);
  }
  return times;
}

function print(name, times) {
  const sorted = times.sort((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)].toFixed(2).padStart(8);
  console.log(`${name.padEnd(44)}${at(0.5)}${at(0.99)}${String(sorted.length).padStart(8)}`);
}

/** Every way to a server, as `{name, client}`, and how to end them all. */
async function openAll(ends) {
  const stdio = { name: 'bench', command: process.execPath, args: [SELF], env: { [SERVER_MARK]: 'stdio' } };
  const origin = fork(SELF, [], { env: { ...process.env, [SERVER_MARK]: 'http' } });
  ends.push(() => origin.disconnect());
  const http = { name: 'bench', url: String((await once(origin, 'message'))[0]) };

  const places = [['our local environment', new LocalEnvironment()]];
  for (const [label, name] of [
    ['our server, WebSocket', OURS],
    [`codex exec-server ${PEER}`, PEER],
  ]) {
    const server = await RunningServer.start(await resolveServer(name, { log: console.error }));
    ends.push(() => server.stop());
    places.push([label, new RemoteEnvironment({ id: 'bench', url: server.url })]);
  }
  const sdk = async (label, transport) => {
    const client = new Client({ name: 'bench', version: '1' });
    await client.connect(transport);
    return { name: label, client };
  };
  const ways = [
    await sdk(
      'stdio, a child of the SDK',
      new StdioClientTransport({ ...stdio, env: { ...process.env, ...stdio.env } }),
    ),
  ];
  for (const [label, place] of places) {
    ways.push({ name: `stdio, ${label}`, client: await connectServer({ ...stdio, cwd: process.cwd() }, place) });
  }
  ways.push(await sdk('HTTP, the SDK directly', new StreamableHTTPClientTransport(new URL(http.url))));
  for (const [label, place] of places) {
    ways.push({ name: `HTTP, ${label}`, client: await connectServer(http, place) });
  }
  for (const [, place] of places) ends.push(() => place.close());
  for (const { client } of ways) ends.push(() => client.close());
  return ways;
}

async function main() {
  const options = { calls: { type: 'string', default: '500' }, rounds: { type: 'string', default: '4' } };
  const { calls, rounds } = parseArgs({ options }).values;
  const ends = [];
  try {
    const ways = await openAll(ends);
    const times = new Map(ways.map(({ name }) => [name, []]));
    for (const { client } of ways) await measure(client, WARM_UP_CALLS);
    // In turns: what else the machine does meets all of them.
    for (let round = 0; round < Number(rounds); round += 1) {
      for (const { name, client } of ways) times.get(name).push(...(await measure(client, Number(calls))));
    }
    console.log(`${'a tool call, ms'.padEnd(44)}${'p50'.padStart(8)}${'p99'.padStart(8)}${'calls'.padStart(8)}`);
    for (const [name, all] of times) print(name, all);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

const serve = { stdio: serveStdio, http: serveHttp }[process.env[SERVER_MARK]];
await (serve ?? main)();
