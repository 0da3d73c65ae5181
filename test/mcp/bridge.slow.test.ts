import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { McpServer } from '@modelcontextprotocol/server';
import { expect, test } from 'vitest';
import { RemoteEnvironment } from '../../src/environment/index.js';
import { bridgeStdio, hostReady, type McpServerConfig, openTransport } from '../../src/mcp/index.js';
import { atEnd, scratchDirectory, startInProcess, until } from '../harness/index.js';
import { startHttpMcpServer } from './http-server.js';
import { scripted } from './servers.js';

const MESSAGES = 800;
const BYTES = 32 * 1024;

/** A host that has asked for a flood, and does not read. */
async function host(server: McpServerConfig) {
  const { url } = await startInProcess();
  const place = new RemoteEnvironment({ id: 'far', url });
  atEnd(() => place.close());
  const [input, output] = [new PassThrough(), new PassThrough()];
  const transport = await openTransport(server, place, {
    whenReady: () => hostReady(output),
  });
  const ended = bridgeStdio(transport, { input, output });
  atEnd(async () => {
    input.end();
    output.resume();
    await ended;
  });
  const say = (message: object) => input.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'h', version: '1' } };
  say({ id: 0, method: 'initialize', params });
  await until(() => output.read());
  say({ method: 'notifications/initialized' });
  say({ id: 1, method: 'tools/call', params: { name: 'flood', arguments: {} } });
  return { output };
}

/** Resolves with what a number is when it has not changed for a while. */
async function settled(value: () => number): Promise<number> {
  let [last, since] = [value(), performance.now()];
  await until(
    () => {
      if (value() !== last) [last, since] = [value(), performance.now()];
      return last > 0 && performance.now() - since > 500;
    },
    { timeoutMs: 60_000 },
  );
  return last;
}

/** Reads all that comes until the answer, and counts what came before it. */
async function readToTheAnswer(output: PassThrough): Promise<number> {
  let count = 0;
  let rest = '';
  for await (const chunk of output) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const message = JSON.parse(line);
      if (message.id === 1) return count;
      if (message.params?.data?.startsWith('x')) count += 1;
    }
  }
  return count;
}

test('a host that does not read pauses a server on stdio, and loses nothing', async () => {
  // Its stderr would wait with its stdout: they come in one order.
  const file = join(scratchDirectory(), 'sent');
  const sent = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
  const body = `tools.flood = async () => {
    for (let n = 1; n <= ${MESSAGES}; n += 1) {
      const params = { level: 'info', data: 'x'.repeat(${BYTES}) };
      const line = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params }) + '\\n';
      if (!process.stdout.write(line)) await new Promise((resolve) => process.stdout.once('drain', resolve));
      require('node:fs').writeFileSync("${file}", String(n));
    }
    return text('flooded');
  }`;
  const { output } = await host(scripted('flood', body));
  const before = await settled(sent);
  // Pipes, what the executor and we hold back on purpose, and a socket's buffers: far from the 26 MB that it wants to send.
  expect(before * BYTES).toBeLessThan(14 * 1024 * 1024);
  expect(output.writableLength).toBeLessThan(4 * BYTES);
  expect(await readToTheAnswer(output)).toBe(MESSAGES);
});

test('a host that does not read pauses a server over HTTP, and loses nothing', async () => {
  let sent = 0;
  const tools = (server: McpServer) =>
    void server.registerTool('flood', {}, async ({ mcpReq }) => {
      for (sent = 0; sent < MESSAGES; sent += 1) {
        await drained();
        const params = { level: 'info', data: 'x'.repeat(BYTES) };
        await mcpReq.notify({ method: 'notifications/message', params });
      }
      return { content: [] };
    });
  const { url, drained } = await startHttpMcpServer({ tools });
  const { output } = await host({ name: 'flood', url });
  await settled(() => sent);
  expect(sent * BYTES).toBeLessThan(14 * 1024 * 1024);
  expect(output.writableLength).toBeLessThan(40 * BYTES);
  expect(await readToTheAnswer(output)).toBe(MESSAGES);
});
