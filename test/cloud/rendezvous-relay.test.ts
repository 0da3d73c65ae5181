import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { FrameSocket } from '../../src/rendezvous/frame-socket.js';
import { splice } from '../../src/rendezvous/splice.js';
import { atEnd, encodeFrame, Opcode, until, whenClosed, within } from '../harness/index.js';
import { dialRaw, rawPair, registerRaw, startRendezvous } from './rendezvous-fixture.js';

test('a message of 64 MiB goes through, each way, in one piece and in fragments', async () => {
  const { executor, harness } = await rawPair(await startRendezvous());
  const message = randomBytes(64 * 1024 * 1024);
  for (const [from, to] of [
    [harness, executor],
    [executor, harness],
  ] as const) {
    const whole = once(to, 'message');
    from.send(message);
    expect(digest((await whole)[0])).toBe(digest(message));
    const fragmented = once(to, 'message');
    const half = message.length / 2;
    from.send(message.subarray(0, half), { fin: false });
    from.send(message.subarray(half));
    expect(digest((await fragmented)[0])).toBe(digest(message));
  }
});

test('a close of either side reaches the other with code and reason, and is answered', async () => {
  const rendezvous = await startRendezvous();
  for (const closer of ['harness', 'executor'] as const) {
    const ends = await rawPair(rendezvous);
    const closed = Promise.all([closeOf(ends.executor), closeOf(ends.harness)]);
    ends[closer].close(4001, 'that is all');
    expect(await closed).toEqual([
      [4001, 'that is all'],
      [4001, 'that is all'],
    ]);
    await until(() => rendezvous.log.at(-1)?.message === 'harness unpaired');
  }
});

test('what was sent before the close still arrives', async () => {
  const { executor, harness } = await rawPair(await startRendezvous());
  const closed = closeOf(executor);
  const message = once(executor, 'message');
  harness.send(Buffer.alloc(8 * 1024 * 1024));
  harness.close(1000, '');
  expect((await message)[0]).toHaveLength(8 * 1024 * 1024);
  expect(await closed).toEqual([1000, '']);
});

test('a cut of either side cuts the other', async () => {
  const rendezvous = await startRendezvous();
  for (const victim of ['harness', 'executor'] as const) {
    const ends = await rawPair(rendezvous);
    const closed = closeOf(victim === 'harness' ? ends.executor : ends.harness);
    ends[victim].terminate();
    expect(await closed).toEqual([1006, '']);
  }
});

test('pings are answered by the other end, not by the relay', async () => {
  const { executor, harness } = await rawPair(await startRendezvous());
  const pinged = once(executor, 'ping');
  const answered = once(harness, 'pong');
  harness.ping('are you there');
  expect(String((await pinged)[0])).toBe('are you there');
  expect(String((await answered)[0])).toBe('are you there');
});

test('an idle executor gets its pings answered, and its close', async () => {
  const rendezvous = await startRendezvous();
  const idle = await dialRaw((await registerRaw(rendezvous, await rendezvous.token({ role: 'executor' }), 'idle')).url);
  const answered = once(idle, 'pong');
  idle.ping('still there');
  expect(String((await answered)[0])).toBe('still there');
  const closed = closeOf(idle);
  idle.close(1000);
  expect((await closed)[0]).toBe(1000);
  await until(() =>
    rendezvous.log.some((line) => line.message === 'executor disconnected' && line.environmentId === 'idle'),
  );
});

test('a receiver that stands still holds its sender back, and the relay holds next to nothing', async () => {
  const [a, sender, taken] = await frameSocket();
  const [b, receiver, given] = await frameSocket();
  receiver.pause();
  void splice(a, b);
  const frame = encodeFrame({ opcode: Opcode.binary, payload: Buffer.alloc(1024 * 1024) });
  const sentFrames = 256;
  for (let i = 0; i < sentFrames; i++) sender.write(frame);
  // Both directions' kernel buffers have filled once nothing has moved for a while.
  let before = -1;
  let still = 0;
  await until(
    () => {
      still = taken.bytesRead === before ? still + 1 : 0;
      before = taken.bytesRead;
      return still >= 40;
    },
    { timeoutMs: 15_000 },
  );
  expect(taken.bytesRead).toBeLessThan(64 * 1024 * 1024);
  const held = taken.readableLength + a.readableLength + b.writableLength + given.writableLength;
  expect(held).toBeLessThan(512 * 1024);
  let bytes = 0;
  receiver.on('data', (chunk) => {
    bytes += chunk.length;
  });
  receiver.resume();
  await until(() => bytes === sentFrames * (1024 * 1024 + 10), { timeoutMs: 15_000, what: 'all of it' });
});

test('a close frame of the relay goes in between two frames of a stream that never pauses', async () => {
  const [a, sender] = await frameSocket();
  const [b, receiver] = await frameSocket();
  void splice(a, b);
  const frame = encodeFrame({ opcode: Opcode.binary, payload: Buffer.alloc(100_000, 7) });
  const pump = () => {
    while (sender.writable && sender.write(frame));
  };
  sender.on('drain', pump);
  pump();
  const chunks: Buffer[] = [];
  receiver.on('data', (chunk: Buffer) => chunks.push(chunk));
  await until(() => chunks.length > 20);
  b.closeWith(1001, 'moving');
  await within(whenClosed(receiver), 5_000, 'the end of the receiver');
  const received = Buffer.concat(chunks);
  const close = Buffer.concat([Buffer.from([0x88, 8, 3, 0xe9]), Buffer.from('moving')]);
  expect(received.subarray(-close.length).equals(close)).toBe(true);
  expect((received.length - close.length) % (100_000 + 10)).toBe(0);
});

test('what is no frame ends the connection of whoever sent it', async () => {
  const [a, sender] = await frameSocket();
  a.resume();
  const closed = whenClosed(sender);
  sender.write(Buffer.from([0x81, 0x01, 0x41]));
  await closed;
  expect(a.endReason).toBe('a frame is not masked');
});

/** A frame socket, the TCP socket at its other end, and its own. */
async function frameSocket(): Promise<[FrameSocket, Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  client.on('error', () => undefined); // `close` follows
  const [accepted] = (await once(server, 'connection')) as [Socket];
  server.close();
  const frames = new FrameSocket(accepted, Buffer.alloc(0));
  atEnd(() => {
    frames.destroy();
    client.destroy();
  });
  return [frames, client, accepted];
}

async function closeOf(socket: WebSocket): Promise<[number, string]> {
  const [code, reason] = await whenClosed(socket);
  return [Number(code), String(reason)];
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
