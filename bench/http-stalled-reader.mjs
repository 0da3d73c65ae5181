// What a reader that stops costs: a body, and a TCP stream, of 1 GiB through a server, of which half is read, then nothing
// for 30 s, then the rest. Prints the memory of client and server on the way, and what others on the connection notice.
//
//     npm run build && node bench/http-stalled-reader.mjs [--pause SECONDS] [--only 'TCP stream']
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ExecServerClient, processId } from '../dist/client/index.js';
import { OURS, RunningServer, resolveServer } from './servers.mjs';
import { summarize } from './statistics.mjs';

const MIB = 1024 * 1024;
const TOTAL_BYTES = 1024 * MIB;
const ORIGIN_MARK = 'EXEC_SERVER_BENCH_ORIGIN';
const SAMPLE_MS = 100;
// Until then the heaps of both grow by what the others do alone.
const WARM_UP_MS = 40_000;

function* blocks() {
  const block = Buffer.alloc(MIB, 'x');
  for (let sent = 0; sent < TOTAL_BYTES; sent += MIB) yield block;
}

/** In a process of its own, so that it is not counted. `/small` is what others ask for meanwhile. */
function serveOrigin() {
  const server = createServer((request, response) => {
    if (request.url === '/small') response.end('small');
    else pipeline(Readable.from(blocks()), response, () => undefined); // who asked has gone, and knows
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.on('disconnect', () => process.exit());
}

/** Highest memory of both, in MB, since it was last asked. */
function watchMemory(server) {
  let peaks = { client: 0, server: 0 };
  const sample = () => {
    peaks = {
      client: Math.max(peaks.client, process.memoryUsage.rss() / 1e6),
      server: Math.max(peaks.server, (server.memory().nowMib * MIB) / 1e6),
    };
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    take() {
      sample();
      const taken = peaks;
      peaks = { client: 0, server: 0 };
      return taken;
    },
    stop: () => clearInterval(timer),
  };
}

/** What others do over the same connection, for so long: an echo of a process, and a small request. */
async function others(client, cat, origin, milliseconds) {
  const times = { echo: [], request: [] };
  const until = performance.now() + milliseconds;
  while (performance.now() < until) {
    times.echo.push(
      await timed(async () => {
        await cat.process.write(Buffer.from('line\n'));
        await cat.events.next();
      }),
    );
    times.request.push(await timed(() => client.http.request({ method: 'GET', url: `${origin}/small` })));
  }
  return times;
}

async function timed(action) {
  const from = performance.now();
  await action();
  return performance.now() - from;
}

async function startCat(client) {
  const id = processId(`cat-${performance.now()}`);
  const started = await client.processes.start({
    processId: id,
    argv: ['cat'],
    cwd: '/',
    env: { PATH: process.env.PATH },
    tty: false,
    pipeStdin: true,
  });
  return { process: started, events: started.events() };
}

const kinds = {
  async 'HTTP body'(client, port) {
    const { body } = await client.http.stream({ method: 'GET', url: `http://127.0.0.1:${port}/` });
    return body[Symbol.asyncIterator]();
  },
  async 'TCP stream'(client, port) {
    const stream = await client.tcp.connect({ host: '127.0.0.1', port });
    stream.write('GET / HTTP/1.0\r\n\r\n');
    return stream[Symbol.asyncIterator]();
  },
};

async function readUpTo(pieces, bytes) {
  let read = 0;
  while (read < bytes) {
    const { done, value } = await pieces.next();
    if (done) break;
    read += value.length;
  }
  return read;
}

async function measure(kind, { client, server, port, pauseMs }) {
  const origin = `http://127.0.0.1:${port}`;
  const cat = await startCat(client);
  await others(client, cat, origin, WARM_UP_MS);
  const memory = watchMemory(server);
  const rows = [];
  const row = (phase, times) => rows.push({ phase, memory: memory.take(), times });
  row('nothing else', await others(client, cat, origin, 5_000));
  const pieces = await kinds[kind](client, port);
  let read = await readUpTo(pieces, TOTAL_BYTES / 2);
  row('first half read');
  for (let third = 1; third <= 3; third++) {
    row(`stands still, third ${third} of ${pauseMs / 1000} s`, await others(client, cat, origin, pauseMs / 3));
  }
  read += await readUpTo(pieces, Number.POSITIVE_INFINITY);
  row('second half read');
  memory.stop();
  if (read < TOTAL_BYTES) throw new Error(`${kind}: expected ${TOTAL_BYTES} bytes, got ${read}`);
  await cat.process.terminate();
  print(kind, rows);
}

function print(kind, rows) {
  const ms = (times) => {
    const { p50, p95 } = summarize(times);
    return `${p50.toFixed(2)} / ${p95.toFixed(2)}`;
  };
  console.log(`\n${kind} of 1 GiB\n`);
  console.log('| phase | client MB | server MB | echo ms, p50 / p95 | small request ms, p50 / p95 |');
  console.log('| --- | --- | --- | --- | --- |');
  for (const { phase, memory, times } of rows) {
    const [echo, request] = times ? [ms(times.echo), ms(times.request)] : ['', ''];
    console.log(`| ${phase} | ${memory.client.toFixed(0)} | ${memory.server.toFixed(0)} | ${echo} | ${request} |`);
  }
}

if (process.env[ORIGIN_MARK]) {
  serveOrigin();
} else {
  const { values } = parseArgs({
    options: { pause: { type: 'string', default: '30' }, only: { type: 'string', multiple: true } },
  });
  const origin = fork(fileURLToPath(import.meta.url), { env: { ...process.env, [ORIGIN_MARK]: '1' } });
  const [port] = await once(origin, 'message');
  const server = await RunningServer.start(await resolveServer(OURS, {}));
  try {
    const client = await ExecServerClient.connect({ url: server.url });
    for (const kind of values.only ?? Object.keys(kinds)) {
      await measure(kind, { client, server, port, pauseMs: Number(values.pause) * 1000 });
    }
    await client.close();
  } finally {
    await server.stop();
    const lastWords = server.lastWords();
    if (lastWords) console.error(lastWords);
    origin.disconnect();
  }
}
