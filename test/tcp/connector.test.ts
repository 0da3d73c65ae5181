import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { TcpStream } from '../../src/tcp/types.js';
import { standsStill, until, whenClosed } from '../harness/index.js';
import { refusingPort, startDeafPort } from '../http/origins.js';
import { echoing, startTcp } from './origins.js';
import { places } from './places.js';

const MIB = 1024 * 1024;

/** More than lies between a reader or writer that stops and the other end: sockets, windows, queues. */
const IN_BETWEEN_BYTES = 40 * MIB;

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe.each(places)('TCP from %s', (_name, open) => {
  test('what is written arrives, byte for byte, and what is answered comes back', async () => {
    const { host, port } = await startTcp(echoing);
    const stream = await (await open()).connect({ host, port });
    const bytes = randomBytes(8 * MIB + 1);
    const whole = readAll(stream);
    stream.end(bytes);
    expect(sha(await whole)).toBe(sha(bytes));
    await closed(stream);
  });

  test('a byte passes at once, also when nothing follows it', async () => {
    const { host, port } = await startTcp(echoing);
    const stream = await (await open()).connect({ host, port });
    for (const text of ['a', 'b', 'c']) {
      stream.write(text);
      expect(String((await once(stream, 'data'))[0])).toBe(text);
    }
    stream.destroy();
  });

  test('an end is an end: the other direction goes on', async () => {
    const heard: Promise<Buffer>[] = [];
    const { host, port } = await startTcp((socket) => {
      const all = readAll(socket);
      heard.push(all);
      void all.then(() => socket.end('answered after the end'));
    });
    const stream = await (await open()).connect({ host, port });
    stream.write('question');
    stream.end();
    expect(String(await readAll(stream))).toBe('answered after the end');
    expect(String(await heard[0])).toBe('question');
    await closed(stream);
  });

  test('an end of the origin leaves us talking', async () => {
    const heard: Promise<Buffer>[] = [];
    const { host, port, sockets } = await startTcp((socket) => {
      socket.end('greeting');
      heard.push(readAll(socket));
    });
    const stream = await (await open()).connect({ host, port });
    expect(String(await readAll(stream))).toBe('greeting');
    stream.write('still ');
    stream.end('here');
    expect(String(await heard[0])).toBe('still here');
    await until(() => sockets.size === 0, { what: 'the end of the connection' });
  });

  test('a reset of the origin is a reset, not an end', async () => {
    const { host, port } = await startTcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const stream = await (await open()).connect({ host, port });
    stream.resume().write('x');
    const [error] = await once(stream, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(stream.readableEnded).toBe(false);
  });

  test('our reset is a reset at the origin', async () => {
    const errors: Promise<unknown[]>[] = [];
    const { host, port } = await startTcp((socket) => {
      errors.push(once(socket.resume(), 'error'));
    });
    const stream = await (await open()).connect({ host, port });
    await until(() => errors.length > 0);
    stream.resetAndDestroy();
    expect(((await errors[0]) ?? [])[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  test('connecting says why it failed', { timeout: 40_000 }, async () => {
    const connector = await open();
    const port = await refusingPort();
    await expect(connector.connect({ host: '127.0.0.1', port })).rejects.toMatchObject({
      code: -32603,
      message: `tcp/connect to 127.0.0.1:${port} failed: connection refused (127.0.0.1 port ${port})`,
      data: { kind: 'tcp_failed', reason: 'connection_refused', host: '127.0.0.1', port },
    });
    await expect(connector.connect({ host: 'no-such-host.invalid', port: 80 })).rejects.toMatchObject({
      message: expect.stringContaining('the host name was not found'),
      data: { kind: 'tcp_failed', reason: 'name_not_found' },
    });
    for (const wrong of [
      { host: '', port: 80 },
      { host: 'x', port: 0 },
      { host: 'x', port: 65_536 },
    ]) {
      await expect(connector.connect(wrong)).rejects.toMatchObject({ data: { kind: 'invalid_params' } });
    }
  });

  test('time runs out connecting to what does not answer, and a signal ends it', async () => {
    const address = { host: '127.0.0.1', port: await startDeafPort() };
    const connector = await open();
    await expect(connector.connect(address, { timeoutMs: 500 })).rejects.toMatchObject({
      message: expect.stringContaining('no answer within 500 ms'),
      data: { kind: 'tcp_failed', reason: 'timed_out' },
    });
    const giveUp = new AbortController();
    const waiting = connector.connect(address, { signal: giveUp.signal });
    giveUp.abort();
    await expect(waiting).rejects.toMatchObject({ data: { kind: 'cancelled' } });
    const late = connector.connect(address, { signal: giveUp.signal });
    await expect(late).rejects.toMatchObject({ data: { kind: 'cancelled' } });
  });

  test('a reader that stops stops the origin, and delays nobody else', { timeout: 60_000 }, async () => {
    let source: Socket | undefined;
    const torrent = await startTcp((socket) => {
      source = socket;
      pour(socket);
    });
    const { host, port } = await startTcp(echoing);
    const connector = await open();
    const stalled = await connector.connect({ host: torrent.host, port: torrent.port });
    const sent = await standsStill(() => (source ? source.bytesWritten - source.writableLength : 0));
    expect(sent).toBeLessThan(IN_BETWEEN_BYTES);
    const other = await connector.connect({ host, port });
    const bytes = randomBytes(4 * MIB);
    const whole = readAll(other);
    other.end(bytes);
    expect(sha(await whole)).toBe(sha(bytes));
    let read = 0;
    for await (const chunk of stalled) {
      read += (chunk as Buffer).length;
      if (read > sent + 8 * MIB) break;
    }
    await until(() => torrent.sockets.size === 0, { what: 'the end of the connection' });
  });

  test('an origin that stops reading stops the writer', { timeout: 60_000 }, async () => {
    const { host, port, sockets } = await startTcp((socket) => void socket.pause());
    const stream = await (await open()).connect({ host, port });
    let taken = 0;
    pour(stream, (bytes) => {
      taken += bytes;
    });
    const before = await standsStill(() => taken);
    expect(before).toBeLessThan(IN_BETWEEN_BYTES);
    for (const socket of sockets) socket.resume();
    await until(() => taken > before + IN_BETWEEN_BYTES, { timeoutMs: 30_000, what: 'more to be taken' });
    stream.resetAndDestroy();
  });

  test('many at once do not get mixed up', { timeout: 60_000 }, async () => {
    const { host, port, sockets } = await startTcp(echoing);
    const connector = await open();
    const wrong = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const stream = await connector.connect({ host, port });
        const bytes = Buffer.alloc(100_000, `stream ${i} `);
        const whole = readAll(stream);
        stream.end(bytes);
        return (await whole).equals(bytes) ? [] : [i];
      }),
    );
    expect(wrong.flat()).toEqual([]);
    await until(() => sockets.size === 0, { what: 'the end of the connections' });
  });

  test('IPv6', async () => {
    const { host, port } = await startTcp(echoing, '::1');
    const stream = await (await open()).connect({ host, port });
    stream.end('over six');
    expect(String(await readAll(stream))).toBe('over six');
  });

  test('close resets what is open', async () => {
    const { host, port, sockets } = await startTcp((socket) => void socket.resume());
    const connector = await open();
    const stream = (await connector.connect({ host, port })).on('error', () => undefined);
    await until(() => sockets.size === 1);
    await connector.close();
    await closed(stream);
    await until(() => sockets.size === 0, { what: 'the end of the connection' });
  });
});

/** Reads to the end without closing the other direction, as iterating does. */
function readAll(from: Socket | TcpStream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    from.on('data', (chunk: Buffer) => chunks.push(chunk));
    from.once('end', () => resolve(Buffer.concat(chunks))).once('error', reject);
  });
}

async function closed(stream: TcpStream): Promise<void> {
  if (!stream.closed) await whenClosed(stream);
}

/** Writes as long as it is taken. */
function pour(to: Socket | TcpStream, onTaken: (bytes: number) => void = () => undefined): void {
  const piece = Buffer.alloc(256 * 1024);
  const more = () => {
    while (!to.destroyed) {
      onTaken(piece.length);
      if (!to.write(piece)) return;
    }
  };
  to.on('drain', more).on('error', () => undefined);
  more();
}
