// How many changes of records a NATS key-value store takes, and what listing them all costs, through our own cluster code.
//
//     npm run build && node bench/rendezvous-store.mjs [--records 20000]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connectNatsCluster } from '../dist/rendezvous/nats/nats-cluster.js';
import { startNats } from './rendezvous-nodes.mjs';

const { values } = parseArgs({ options: { records: { type: 'string', default: '20000' } } });
const RECORDS = Number(values.records);
const AT_ONCE = 100;

const directory = mkdtempSync(join(tmpdir(), 'exec-server-bench-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const nats = await startNats(directory);
const silent = () => undefined;
const cluster = await connectNatsCluster({ url: nats.url, log: { debug: silent, info: silent, warn: silent } });

const record = (i, revision) => ({
  environmentId: `box-${i}`,
  registrationId: crypto.randomUUID(),
  owner: 'the-fleet',
  idempotencyId: `codex-exec-server-${'0'.repeat(64)}`,
  name: `box ${i}`,
  labels: { region: 'somewhere', size: 'large' },
  registeredAtMs: Date.now(),
  lastSeenAtMs: Date.now(),
  connection: {
    nodeId: cluster.nodeId,
    connectionId: crypto.randomUUID(),
    sinceMs: revision,
    kind: 'control',
    harnesses: 0,
  },
});

async function rate(what, action) {
  const cpuBefore = nats.cpuSeconds();
  const start = performance.now();
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < RECORDS; i = next++) await action(i);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const seconds = (performance.now() - start) / 1000;
  const cpu = ((nats.cpuSeconds() - cpuBefore) / seconds) * 100;
  console.log(
    `| ${what} | ${(RECORDS / seconds).toFixed(0)} per second, nats-server at ${cpu.toFixed(0)} % of a CPU |`,
  );
}

console.log('| what | figure |\n| --- | --- |');
const revisions = [];
await rate('records put', async (i) => {
  revisions[i] = await cluster.put(record(i, 0), undefined);
});
await rate('records replaced', async (i) => {
  await cluster.put(record(i, 1), revisions[i]);
});
await rate('records read', (i) => cluster.get(`box-${i}`));
await rate('ids claimed', (i) => cluster.claimOnce(`id-${i}`, Date.now() + 60_000));
const start = performance.now();
const listed = await cluster.list();
console.log(`| ${listed.length} records listed | ${(performance.now() - start).toFixed(0)} ms |`);
console.log(`| nats-server's memory | ${nats.rssMiB().toFixed(0)} MiB |`);
await cluster.close();
await nats.stop();
process.exit(0);
