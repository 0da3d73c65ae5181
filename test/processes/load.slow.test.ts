import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { atEnd, RawClient, shell, startBinary, until, upTo, within } from '../harness/index.js';
import { MB, report, watchMemory } from './memory.js';

/** A client that keeps counts instead of messages: for more output than a test should hold. */
async function countOutput(url: string, processId: string) {
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 0 });
  atEnd(() => socket.terminate());
  await once(socket, 'open');
  const counts = { bytes: 0, nextSeq: 1, disorder: [] as string[], otherBytes: 0 };
  const answers = new Map<number, () => void>();
  let ended: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    ended = resolve;
  });
  socket.on('message', (data) => {
    const { id, method, params } = JSON.parse(data.toString());
    if (method === undefined) return answers.get(id)?.();
    if (params.processId !== processId) return;
    if (params.seq !== counts.nextSeq) counts.disorder.push(`${params.seq} after ${counts.nextSeq - 1}`);
    counts.nextSeq = params.seq + 1;
    if (method === 'process/closed') ended();
    if (method !== 'process/output') return;
    const chunk = Buffer.from(params.chunk, 'base64');
    counts.bytes += chunk.length;
    if (!chunk.equals(Buffer.alloc(chunk.length, 'x'))) counts.otherBytes++;
  });
  const request = (id: number, method: string, params: unknown) => {
    const answered = new Promise<void>((resolve) => answers.set(id, resolve));
    socket.send(JSON.stringify({ id, method, params }));
    return answered;
  };
  await request(1, 'initialize', { clientName: 'counting' });
  socket.send(JSON.stringify({ method: 'initialized' }));
  return { socket, counts, closed, request };
}

test('two hundred processes at once each have all of their 100 kB delivered', { timeout: 60_000 }, async () => {
  const server = await startBinary();
  const client = await RawClient.open(server.url);
  const memory = watchMemory(server.pid);
  const runs = upTo(200).map(async (n) => {
    const script = `yes "this is process ${n}" | head -c 100000`;
    const [, collected] = await Promise.all([
      client.result('process/start', shell(`p${n}`, script, { tty: false })),
      client.collect(`p${n}`, 50_000),
    ]);
    const line = `this is process ${n}\n`;
    expect(collected.stdout === line.repeat(100_000 / line.length + 1).slice(0, 100_000)).toBe(true);
    expect(collected).toMatchObject({ stderr: '', exitCode: 0, seqs: upTo(collected.seqs.length) });
  });
  await Promise.all(runs);
  const { before, peak } = memory.stop();
  report('200 processes of 100 kB each, resident memory of the server', { before, peak });
  expect(peak - before).toBeLessThan(150 * MB);
});

test('twenty thousand lines of one shell loop come complete and in order', { timeout: 60_000 }, async () => {
  const server = await startBinary();
  const client = await RawClient.open(server.url);
  const script = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo "line $i"; done';
  for (const tty of [false, true]) {
    const id = `lines on ${tty ? 'a terminal' : 'pipes'}`;
    await client.result('process/start', shell(id, script, { tty }));
    const { stdout, pty, seqs, exitCode } = await client.collect(id, 25_000);
    const lines = upTo(20_000).map((n) => `line ${n}\n`);
    expect((stdout + pty).replaceAll('\r', '') === lines.join('')).toBe(true);
    expect(seqs).toEqual(upTo(seqs.length));
    expect(exitCode).toBe(0);
  }
});

test('a client that stops reading for 10 s while a child writes 200 MB loses nothing, and the server stays small', {
  timeout: 120_000,
}, async () => {
  const server = await startBinary();
  const { socket, counts, closed, request } = await countOutput(server.url, 'flood');
  const memory = watchMemory(server.pid);
  await request(2, 'process/start', shell('flood', `head -c ${200 * MB} /dev/zero | tr '\\0' x`));
  await until(() => counts.bytes > 0);
  socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const whenPaused = memory.stop();
  const held = counts.bytes;
  expect(held).toBeLessThan(100 * MB); // else the pause had nothing to hold back
  const afterwards = watchMemory(server.pid);
  socket.resume();
  await within(closed, 90_000, 'the end of the output');
  const { peak } = afterwards.stop();
  report('a client that stops reading, resident memory of the server', whenPaused);
  report('the same until the end', { before: whenPaused.before, peak });
  expect(counts).toMatchObject({ bytes: 200 * MB, disorder: [], otherBytes: 0 });
  expect(whenPaused.peak - whenPaused.before).toBeLessThan(100 * MB);
  expect(peak - whenPaused.before).toBeLessThan(100 * MB);
});

test('connections that never initialize are closed in time, cost little, and hold up nobody', {
  timeout: 60_000,
}, async () => {
  const server = await startBinary();
  const memory = watchMemory(server.pid);
  const ends: Promise<string>[] = [];
  for (const _ of upTo(30)) {
    const batch = upTo(50).map(async () => {
      const socket = new WebSocket(server.url, { perMessageDeflate: false });
      atEnd(() => socket.terminate());
      ends.push(once(socket, 'close').then(([code, reason]) => `${code} ${reason}`));
      await once(socket, 'open');
    });
    await Promise.all(batch);
  }
  const client = await RawClient.open(server.url);
  const [, served] = await Promise.all([
    client.result('process/start', shell('p', 'echo served')),
    client.collect('p', 5_000),
  ]);
  expect(served).toMatchObject({ stdout: 'served\n', exitCode: 0 });
  const reasons = new Set(await within(Promise.all(ends), 30_000, 'the end of all 1,500 connections'));
  const { before, peak } = memory.stop();
  report('1,500 connections that say nothing, resident memory of the server', { before, peak });
  expect(reasons).toEqual(new Set(['1008 no initialize within 10 s']));
  expect(peak - before).toBeLessThan(100 * MB);
  expect(await client.result('process/list')).toMatchObject({ processes: [{ processId: 'p' }] });
});
