import { expect, test } from 'vitest';
import { atEnd, startInProcess, until } from '../../test/harness/index.js';
import { ExecServerClient, processId, type RemoteProcess } from './index.js';
import { HELD_HIGH_WATER_BYTES, HELD_MAX_BYTES } from './limits.js';

const TOTAL = 120_000_000;

async function flood(): Promise<{ client: ExecServerClient; process: RemoteProcess }> {
  const client = await ExecServerClient.connect(await startInProcess());
  atEnd(() => client.close({ terminateProcesses: true }));
  const process = await client.processes.start({
    processId: processId('flood'),
    argv: ['head', '-c', String(TOTAL), '/dev/zero'],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    tty: false,
  });
  return { client, process };
}

/** Resolves when no event has come for a quarter of a second. */
async function standstill(process: RemoteProcess): Promise<void> {
  let seen = -1;
  let since = performance.now();
  await until(() => {
    const { nextSeq } = process.info();
    if (nextSeq !== seen) since = performance.now();
    seen = nextSeq;
    return performance.now() - since > 250;
  });
}

test('a reader that holds back and stops stops the process; calls are answered; then it gets every byte', async () => {
  const { client, process } = await flood();
  const events = process.events({ holdBack: true });
  await standstill(process);
  expect(process.info().running).toBe(true);
  expect(events.lagBytes).toBeGreaterThan(HELD_HIGH_WATER_BYTES);
  expect(events.lagBytes).toBeLessThan(HELD_MAX_BYTES);
  expect(await client.call('environment/status', {}, { timeoutMs: 5_000 })).toEqual({ status: 'ready' });
  let bytes = 0;
  for await (const event of events) {
    expect(event.type).not.toBe('gap');
    if (event.type === 'output') bytes += event.chunk.length;
  }
  expect(bytes).toBe(TOTAL);
  expect(process.info()).toMatchObject({ exitCode: 0, closed: true });
});

test('a reader that stops while calls go on all the time sees a gap rather than all memory used', async () => {
  const { client, process } = await flood();
  const events = process.events({ holdBack: true });
  const waiting = client.call('process/read', { processId: 'flood', afterSeq: 1_000_000, waitMs: 60_000 });
  await process.ended();
  await waiting;
  expect(await events.next()).toMatchObject({ value: { type: 'gap', fromSeq: 1 } });
  let bytes = 0;
  for await (const event of events) if (event.type === 'output') bytes += event.chunk.length;
  expect(bytes).toBeGreaterThan(HELD_MAX_BYTES / 2);
  expect(bytes).toBeLessThanOrEqual(HELD_MAX_BYTES);
});

test('a reader that does not hold back holds back nothing', async () => {
  const { process } = await flood();
  const events = process.events();
  await process.ended();
  expect(process.info()).toMatchObject({ exitCode: 0, closed: true });
  expect(await events.next()).toMatchObject({ value: { type: 'gap' } });
});

test('a reader that leaves lets the process go on', async () => {
  const { process } = await flood();
  const events = process.events({ holdBack: true });
  await standstill(process);
  events.close();
  await process.ended();
  expect(process.info()).toMatchObject({ exitCode: 0, closed: true });
});
