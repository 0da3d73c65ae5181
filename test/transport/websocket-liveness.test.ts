import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { encodeHeader, listenForChannels, Opcode, RawWebSocket, until, within } from '../harness/index.js';

const MIB = 1024 * 1024;
const KEEP_ALIVE = { pingIntervalMs: 50, deadAfterMs: 300 };

/** A peer that answers no ping, because nothing answers by itself here. */
async function openSilent() {
  const listener = await listenForChannels('ws://127.0.0.1:0', { keepAlive: KEEP_ALIVE });
  const raw = await RawWebSocket.open(listener.url);
  return { raw, server: await listener.accepted() };
}

const pings = (raw: RawWebSocket) => raw.frames.filter(({ opcode }) => opcode === Opcode.ping).length;

/** Keeps doing it for longer than a silent peer may live. */
async function during(action: () => void): Promise<void> {
  const end = performance.now() + 3 * KEEP_ALIVE.deadAfterMs;
  while (performance.now() < end) {
    action();
    await delay(KEEP_ALIVE.pingIntervalMs / 2);
  }
}

describe('a probe', () => {
  test('finds a peer alive that answers, and dead that does not', async () => {
    const listener = await listenForChannels();
    const raw = await RawWebSocket.open(listener.url);
    const { channel } = await listener.accepted();
    expect(await channel.probe(100)).toBe(false);
    const probe = channel.probe(5_000);
    await until(() => pings(raw) === 2);
    raw.send({ opcode: Opcode.pong });
    expect(await probe).toBe(true);
  });

  test('finds a peer alive whose pong stands behind a large message', async () => {
    const listener = await listenForChannels();
    const raw = await RawWebSocket.open(listener.url);
    const { channel } = await listener.accepted();
    raw.socket.write(encodeHeader({ payloadBytes: MIB }));
    const probe = channel.probe(200);
    await until(() => pings(raw) === 1);
    raw.socket.write(Buffer.alloc(1000));
    expect(await probe).toBe(true);
  });

  test('ends with the connection', async () => {
    const listener = await listenForChannels();
    const raw = await RawWebSocket.open(listener.url);
    const { channel } = await listener.accepted();
    const probe = channel.probe(60_000);
    raw.socket.destroy();
    expect(await within(probe, 2_000, 'the answer')).toBe(false);
  });
});

describe('a peer', () => {
  test('that answers nothing is dead after a while, and not before', async () => {
    const { raw, server } = await openSilent();
    const start = performance.now();
    const { code, reason } = await within(server.closed, 5_000, 'the end');
    expect(performance.now() - start).toBeGreaterThan(KEEP_ALIVE.deadAfterMs - KEEP_ALIVE.pingIntervalMs);
    expect(code).toBe(1006);
    expect(reason).toMatch(/^no pong for \d+ s$/);
    expect(pings(raw)).toBeGreaterThan(1);
  });

  test.each([
    ['pongs', { opcode: Opcode.pong }],
    ['pings of its own', { opcode: Opcode.ping }],
    ['messages', { opcode: Opcode.text, payload: Buffer.from('{}') }],
  ])('that sends %s is alive', async (_name, frame) => {
    const { raw, server } = await openSilent();
    await during(() => raw.send(frame));
    expect(await server.channel.probe(1)).toBe(false); // still open: it was pinged
    expect(pings(raw)).toBeGreaterThan(5);
  });

  test('that takes long over one large message is alive', async () => {
    const { raw, server } = await openSilent();
    raw.socket.write(Buffer.concat([encodeHeader({ payloadBytes: MIB }), Buffer.alloc(4)]));
    let sent = 0;
    await during(() => {
      raw.socket.write(Buffer.alloc(1000, 'x'));
      sent += 1000;
    });
    raw.socket.write(Buffer.alloc(MIB - sent, 'x'));
    await within(server.count(1), 2_000, 'the message');
  });

  test('is not blamed for a silence that is ours, because we do not read', async () => {
    const { raw, server } = await openSilent();
    server.channel.pauseReading();
    await during(() => raw.send({ payload: Buffer.from('{}') }));
    server.channel.resumeReading();
    await within(server.count(10), 2_000, 'what it had sent meanwhile');
  });

  test('that takes nothing of what we have queued is dead', async () => {
    const { raw, server } = await openSilent();
    raw.socket.pause();
    for (let i = 0; i < 6; i++) server.channel.send('x'.repeat(8 * MIB));
    expect((await within(server.closed, 5_000, 'the end')).reason).toMatch(/^no pong for/);
  });
});
