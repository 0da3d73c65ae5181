import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { MAX_FRAME_BYTES, OUTGOING_FRAGMENT_BYTES } from '../../src/protocol/limits.js';
import { dialWebSocket } from '../../src/transport/websocket-dial.js';
import {
  atEnd,
  encodeHeader,
  Heard,
  listenForChannels,
  Opcode,
  RawWebSocket,
  until,
  whenClosed,
  within,
} from '../harness/index.js';

const MIB = 1024 * 1024;

async function openPair() {
  const listener = await listenForChannels();
  const client = new Heard(await dialWebSocket(listener.url));
  atEnd(() => client.channel.terminate('the test has finished'));
  return { client, server: await listener.accepted() };
}

/** A `ws` client, which unlike our own channel does not fragment. */
async function openWs(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  atEnd(() => socket.terminate());
  await new Promise((resolve) => socket.on('open', resolve));
  socket.on('error', () => undefined); // `close` follows
  return socket;
}

describe('messages', () => {
  test('go both ways, whole and in order', async () => {
    const { client, server } = await openPair();
    for (const text of ['1', '', 'é€😀', 'x'.repeat(100_000)]) client.channel.send(text);
    for (const text of ['a', 'b']) server.channel.send(text, 'latin1');
    await server.count(4);
    await client.count(2);
    expect(server.messages).toEqual(['1', '', 'é€😀', 'x'.repeat(100_000)]);
    expect(client.messages).toEqual(['a', 'b']);
  });

  test('above 8 MiB leave in fragments of 8 MiB, a text frame and its continuations', async () => {
    const listener = await listenForChannels();
    const raw = await RawWebSocket.open(listener.url);
    const { channel } = await listener.accepted();
    channel.send('x'.repeat(OUTGOING_FRAGMENT_BYTES));
    channel.send('y'.repeat(20 * MIB));
    channel.send('z');
    await until(() => raw.frames.length === 5, { timeoutMs: 10_000 });
    expect(raw.frames.map(({ fin, opcode, payload }) => [fin, opcode, payload.length])).toEqual([
      [true, Opcode.text, 8 * MIB],
      [false, Opcode.text, 8 * MIB],
      [false, Opcode.continuation, 8 * MIB],
      [true, Opcode.continuation, 4 * MIB],
      [true, Opcode.text, 1],
    ]);
  });

  test('of one turn leave in order, though some are large and others small', async () => {
    const { client, server } = await openPair();
    const sent = Array.from({ length: 50 }, (_, i) => `${i}:`.padEnd(i % 10 === 0 ? 3 * MIB : 10, 'x'));
    for (const text of sent) server.channel.send(text);
    await within(client.count(50), 10_000, 'the messages');
    expect(client.messages.map((text) => text.length)).toEqual(sent.map((text) => text.length));
    expect(client.messages.map((text) => Number.parseInt(text, 10))).toEqual(sent.map((_, i) => i));
  });

  test('of 20 MiB are read when they come in two frames', async () => {
    const listener = await listenForChannels();
    const socket = await openWs(listener.url);
    const server = await listener.accepted();
    const half = Buffer.alloc(10 * MIB, 'x');
    socket.send(half, { fin: false, binary: false });
    socket.send(half, { fin: true, binary: false });
    await within(server.count(1), 10_000, 'the message');
    expect(server.messages[0]?.length).toBe(20 * MIB);
  });

  test('in a frame above 16 MiB are refused with close code 1009 and why, and are not delivered', async () => {
    const listener = await listenForChannels();
    const socket = await openWs(listener.url);
    const server = await listener.accepted();
    const closed = whenClosed(socket);
    socket.send(Buffer.alloc(17 * MIB, 'x'), { binary: false });
    const [code, reason] = await closed;
    expect(code).toBe(1009);
    expect(String(reason)).toBe(
      `a frame of ${17 * MIB} bytes came, at most ${MAX_FRAME_BYTES} are read: send it in fragments`,
    );
    expect(await server.closed).toEqual({ code: 1009, reason: String(reason) });
    expect(server.messages).toEqual([]);
  });

  test('above 64 MiB are refused by what their frames announce', async () => {
    const listener = await listenForChannels();
    const raw = await RawWebSocket.open(listener.url);
    const server = await listener.accepted();
    // Four full frames and the header of a fifth: nobody has to send 64 MiB for this.
    const frame = (fin: boolean, opcode: number, payloadBytes: number) =>
      Buffer.concat([encodeHeader({ fin, opcode, payloadBytes }), Buffer.alloc(4), Buffer.alloc(payloadBytes, 'x')]);
    raw.socket.write(frame(false, Opcode.text, 16 * MIB));
    for (let i = 0; i < 3; i++) raw.socket.write(frame(false, Opcode.continuation, 16 * MIB));
    raw.socket.write(frame(true, Opcode.continuation, 1));
    expect(await server.closed).toMatchObject({ code: 1009, reason: expect.stringMatching(/a message of more than/) });
    expect(server.messages).toEqual([]);
  });

  test('in binary frames are read if they hold UTF-8, and reported if not', async () => {
    const listener = await listenForChannels();
    const socket = await openWs(listener.url);
    const server = await listener.accepted();
    socket.send(Buffer.from('{"é":1}'), { binary: true });
    socket.send(Buffer.from([0xff]), { binary: true });
    socket.send('after');
    await server.count(2);
    expect(server.messages).toEqual(['{"é":1}', 'after']);
    expect(server.unreadable).toEqual(['the binary frame does not hold UTF-8 text']);
  });

  test('that came before anybody listened are kept', async () => {
    const listener = await listenForChannels();
    const channel = await dialWebSocket(listener.url);
    const server = await listener.accepted();
    server.channel.send('early');
    expect(await channel.probe(1_000)).toBe(true); // its pong comes after the message
    const client = new Heard(channel);
    atEnd(() => channel.terminate('the test has finished'));
    expect(client.messages).toEqual(['early']);
  });
});

describe('the queue', () => {
  test('is counted until it has left, and its producers wait for half of it', async () => {
    const listener = await listenForChannels();
    const raw = await RawWebSocket.open(listener.url);
    const { channel } = await listener.accepted();
    raw.socket.pause();
    expect(channel.drained()).toBeUndefined();
    // More than the buffers of the operating system hold on both sides.
    channel.send('x'.repeat(24 * MIB));
    const drained = channel.drained();
    expect(drained).toBeDefined();
    expect(channel.queuedBytes).toBe(24 * MIB);
    raw.socket.resume();
    await drained;
    expect(channel.queuedBytes).toBeLessThanOrEqual(256 * 1024);
  });

  test('is no reason to wait once the channel has ended', async () => {
    const listener = await listenForChannels();
    const raw = await RawWebSocket.open(listener.url);
    const { channel } = await listener.accepted();
    raw.socket.pause();
    channel.send('x'.repeat(24 * MIB));
    const drained = channel.drained();
    channel.terminate('enough');
    await drained;
  });

  test('does not grow beyond the other side’s buffers while reading is paused', async () => {
    const { client, server } = await openPair();
    server.channel.pauseReading();
    for (let i = 0; i < 24; i++) {
      client.channel.send(`${i}:`.padEnd(MIB, 'x'));
      await new Promise((resolve) => setImmediate(resolve)); // what one turn sends leaves together
    }
    await until(() => client.channel.queuedBytes < 24 * MIB);
    expect(server.messages.length).toBeLessThan(24);
    server.channel.resumeReading();
    await within(server.count(24), 10_000, 'the rest');
  });
});

describe('the end', () => {
  test('comes after what is queued, with code and reason', async () => {
    const { client, server } = await openPair();
    for (let i = 0; i < 10; i++) server.channel.send(`${i}`.padEnd(MIB, 'x'));
    server.channel.close(1001, 'the server is shutting down');
    expect(await client.closed).toEqual({ code: 1001, reason: 'the server is shutting down' });
    expect(client.messages).toHaveLength(10);
    expect(await server.closed).toEqual({ code: 1001, reason: 'the server is shutting down' });
  });

  test('carries as much of a long reason as a close frame can hold', async () => {
    const { client, server } = await openPair();
    server.channel.close(1002, `${'é'.repeat(100)}`);
    const { reason } = await client.closed;
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(reason).toMatch(/^é{55,}…$/);
  });

  test('is not held up by a peer that does not answer the close', async () => {
    const listener = await listenForChannels();
    const raw = await RawWebSocket.open(listener.url);
    const server = await listener.accepted();
    server.channel.close(1002, 'protocol violation');
    expect(await within(server.closed, 3_000, 'the end')).toEqual({ code: 1002, reason: 'protocol violation' });
    await until(() => raw.frames.some(({ opcode }) => opcode === Opcode.close));
  });

  test('lets nothing through that comes after it', async () => {
    const listener = await listenForChannels();
    const raw = await RawWebSocket.open(listener.url);
    const server = await listener.accepted();
    server.channel.close(1002, 'protocol violation');
    await until(() => raw.frames.some(({ opcode }) => opcode === Opcode.close));
    raw.send({ payload: Buffer.from('late') });
    raw.send({ opcode: Opcode.close, payload: Buffer.from([0x03, 0xea]) });
    await server.closed;
    expect(server.messages).toEqual([]);
  });

  test('without a close frame is 1006', async () => {
    const { client, server } = await openPair();
    client.channel.terminate('cut');
    expect(await client.closed).toEqual({ code: 1006, reason: 'cut' });
    expect(await server.closed).toEqual({ code: 1006, reason: 'the connection ended without a close frame' });
    server.channel.send('nobody');
    expect(await server.channel.probe(100)).toBe(false);
  });
});
