// What a pair of executor and harness costs a rendezvous: memory of the node, time to connect, throughput, and what a call
// takes longer than over a direct connection. Executors and harnesses are light clients in this process; the nodes are real
// ones from dist. With --nats: executors at one node, harnesses at another. Linux only. Prints Markdown.
//
//     npm run build && node bench/rendezvous.mjs [--pairs 500] [--nats]
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WebSocket, WebSocketServer } from 'ws';
import { connectHarness, pingTimes, serve, startExecutor, throughput } from './rendezvous-clients.mjs';
import { operatorToken, startNats, startNode } from './rendezvous-nodes.mjs';

const { values } = parseArgs({
  options: { pairs: { type: 'string', default: '500' }, nats: { type: 'boolean', default: false } },
});
const PAIRS = Number(values.pairs);
const AT_ONCE = 20;
const PINGS = 3_000;
const MIB = 1024 * 1024;
/** Garbage of setting up is collected, and freed pages are given back, by then. */
const SETTLE_MS = 3_000;

const directory = mkdtempSync(join(tmpdir(), 'exec-server-bench-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));

const percentile = (times, p) =>
  [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * p))];
const p50and99 = (times) => `p50 ${percentile(times, 0.5).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms`;
const row = (what, ...figures) => console.log(`| ${what} | ${figures.join(' | ')} |`);

/** Does it for 0 to `count` - 1, so many at a time; milliseconds of each. */
async function timed(count, atOnce, action) {
  const times = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) {
      const start = performance.now();
      await action(i);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return times;
}

async function direct() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  server.on('connection', (socket, { socket: tcp }) => {
    tcp.setNoDelay(true);
    serve(socket);
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const open = async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.address().port}`, { perMessageDeflate: false });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket._socket.setNoDelay(true);
    return socket;
  };
  const sockets = await Promise.all(Array.from({ length: 50 }, open));
  await measureTraffic('direct, without a rendezvous', sockets, []);
  for (const socket of sockets) socket.terminate();
  server.close();
}

async function measureTraffic(what, sockets, processes) {
  await pingTimes(sockets[0], 500); // warms up
  row(`${what}: a call`, p50and99(await pingTimes(sockets[0], PINGS)));
  for (const [count, bytes] of [
    [1, 512 * MIB],
    [50, 16 * MIB],
  ]) {
    const cpuBefore = processes.map((one) => one.cpuSeconds());
    const rate = await throughput(sockets.slice(0, count), bytes);
    const gib = (count * bytes) / 1024 / MIB;
    const cpu = processes.map((one, i) => `${((one.cpuSeconds() - cpuBefore[i]) / gib).toFixed(2)} s`);
    const took = processes.length ? `; CPU per GiB: ${cpu.join(' + ')}` : '';
    row(`${what}: ${count} at once, ${bytes / MIB} MiB each`, `${rate.toFixed(0)} MiB/s${took}`);
  }
}

async function rendezvous() {
  const keyFile = join(directory, 'keys');
  const nats = values.nats ? await startNats(join(directory, 'nats')) : undefined;
  const more = nats ? ['--nats', nats.url] : [];
  const first = await startNode(keyFile, more);
  const second = nats ? await startNode(keyFile, more) : first;
  const nodes = nats ? [first, second] : [first];
  const token = await operatorToken(keyFile);
  const rss = () => [...nodes, ...(nats ? [nats] : [])].map((one) => one.rssMiB());
  const show = (figures) => figures.map((mib) => `${mib.toFixed(1)} MiB`).join(' + ');
  const processes = [...nodes, ...(nats ? [nats] : [])];
  const what = nats ? 'two nodes and NATS' : 'one node';

  // The first of each loads code and grows the heap, which no later one does.
  const warm = await startExecutor(first.url, token, 'warm');
  (await connectHarness(second.url, token, 'warm')).terminate();
  await delay(SETTLE_MS);
  const empty = rss();
  row(`${what}: memory, idle`, show(empty));

  const executors = [];
  const registering = await timed(PAIRS, AT_ONCE, async (i) => {
    executors.push(await startExecutor(first.url, token, `box-${i}`));
  });
  row(`${what}: an executor registers and connects, ${AT_ONCE} at once`, p50and99(registering));
  await delay(SETTLE_MS);
  const withExecutors = rss();
  row(`${what}: memory, ${PAIRS} executors`, show(withExecutors));

  const sockets = [];
  const one = await timed(Math.min(PAIRS, 100), 1, async (i) => {
    sockets.push(await connectHarness(second.url, token, `box-${i}`));
  });
  row(`${what}: a harness connects, one after the other`, p50and99(one));
  const many = await timed(PAIRS - sockets.length, AT_ONCE, async (i) => {
    sockets.push(await connectHarness(second.url, token, `box-${100 + i}`));
  });
  if (many.length > 0) row(`${what}: a harness connects, ${AT_ONCE} at once`, p50and99(many));
  await delay(SETTLE_MS);
  const withPairs = rss();
  row(`${what}: memory, ${PAIRS} pairs`, show(withPairs));
  const kib = (after, before) =>
    after.map((mib, i) => `${(((mib - before[i]) * 1024) / PAIRS).toFixed(0)} KiB`).join(' + ');
  row(`${what}: per executor`, kib(withExecutors, empty));
  row(`${what}: per pair on top`, kib(withPairs, withExecutors));

  const cpuBefore = processes.map((one) => one.cpuSeconds());
  await delay(10_000);
  const idle = processes.map((one, i) => `${(((one.cpuSeconds() - cpuBefore[i]) / 10) * 100).toFixed(1)} %`);
  row(`${what}: CPU, ${PAIRS} idle pairs`, idle.join(' + '));

  await measureTraffic(what, sockets, processes);
  row(`${what}: memory after that`, show(rss()));

  const start = performance.now();
  for (const socket of sockets) socket.terminate();
  sockets.length = 0;
  const back = await timed(PAIRS, PAIRS, async (i) => {
    sockets.push(await connectHarness(second.url, token, `box-${i}`));
  });
  row(
    `${what}: all ${PAIRS} harnesses come back at once`,
    `${(performance.now() - start).toFixed(0)} ms; ${p50and99(back)}`,
  );
  for (const socket of sockets) socket.terminate();
  for (const executor of [warm, ...executors]) executor.close();
  for (const one of processes) await one.stop();
}

console.log(
  `${new Date().toISOString()}, Node ${process.version}, ${cpus().length} × ${cpus()[0].model}, load ${loadavg()[0].toFixed(2)}\n`,
);
console.log('| what | figure |\n| --- | --- |');
await direct();
await rendezvous();
process.exit(0);
