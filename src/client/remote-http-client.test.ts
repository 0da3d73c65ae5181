import { describe, expect, test } from 'vitest';
import { type Answers, atEnd, ScriptedServer, until } from '../../test/harness/index.js';
import { extensionCapabilities } from '../protocol/session-methods.js';
import { ExecServerClient } from './exec-server-client.js';

const MIB = 1024 * 1024;
const URL = 'http://origin.test/';
const HEAD = { status: 200, headers: [], bodyBase64: '' };

/** `ours`: announces what our server does; else it is like a real one. */
async function connect({ ours = true, answers = {} }: { ours?: boolean; answers?: Answers } = {}) {
  const environmentInfo = { shell: { name: 'sh', path: '/bin/sh' }, capabilities: ours ? extensionCapabilities : {} };
  const server = new ScriptedServer({
    initialize: () => ({ sessionId: 's', environmentInfo }),
    'http/request': () => HEAD,
    'http/request/cancel': () => ({}),
    'http/request/credit': () => ({}),
    'http/request/bodyChunk': () => ({ accepted: true }),
    ...answers,
  });
  const client = await ExecServerClient.connect({ dial: server.dial });
  atEnd(() => client.close());
  const idOf = (at = 0) => String(server.asked('http/request')[at]?.requestId);
  const send = (seq: number, text: string | Buffer, more: Record<string, unknown> = {}, requestId = idOf()) => {
    const deltaBase64 = Buffer.from(text).toString('base64');
    server.notify('http/request/bodyDelta', { requestId, seq, deltaBase64, done: false, error: null, ...more });
  };
  return { server, client, http: client.http, idOf, send };
}

const get = { method: 'GET', url: URL };

async function readAll(body: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of body) text += chunk.toString();
  return text;
}

describe('the pieces of a body', () => {
  test('are handed out in order up to the end; what comes after it is late, and dropped', async () => {
    const { http, send } = await connect();
    const { body } = await http.stream(get);
    send(1, 'one ');
    send(2, 'two');
    send(3, '', { done: true });
    send(4, 'late');
    expect(await readAll(body)).toBe('one two');
  });

  test('may overtake the answer', async () => {
    const { http, send, server } = await connect({
      answers: {
        'http/request': async () => {
          send(1, 'early');
          send(2, '', { done: true });
          await new Promise((resolve) => setImmediate(resolve));
          return HEAD;
        },
      },
    });
    expect((await http.request(get)).body.toString()).toBe('early');
    expect(server.asked('http/request/cancel')).toEqual([]);
  });

  test.each([
    ['a gap', 3, 'expected seq 2, got 3'],
    ['a repeat', 1, 'expected seq 2, got 1'],
  ])('with %s fail the body after what came before, and have it cancelled', async (_what, seq, message) => {
    const { http, send, server, idOf } = await connect();
    const { body } = await http.stream(get);
    send(1, 'one');
    send(seq, 'wrong');
    send(2, 'late');
    const pieces = body[Symbol.asyncIterator]();
    expect(String((await pieces.next()).value)).toBe('one');
    await expect(pieces.next()).rejects.toMatchObject({ kind: 'http_failed' });
    await expect(pieces.next()).rejects.toThrow(message);
    await until(() => server.asked('http/request/cancel').length === 1);
    expect(server.asked('http/request/cancel')).toEqual([{ requestId: idOf() }]);
  });

  test('that are no base64 fail the body', async () => {
    const { http, send } = await connect();
    const { body } = await http.stream(get);
    send(1, '', { deltaBase64: '@@@@' });
    await expect(readAll(body)).rejects.toThrow(/broke the protocol.*Invalid symbol/);
  });

  test('of one body that fails leave the others alone', async () => {
    const { http, send, idOf } = await connect();
    const [failing, other] = [await http.stream(get), await http.stream(get)];
    send(7, 'wrong', {}, idOf(0));
    send(1, 'fine', {}, idOf(1));
    send(2, '', { done: true }, idOf(1));
    await expect(readAll(failing.body)).rejects.toMatchObject({ kind: 'http_failed' });
    expect(await readAll(other.body)).toBe('fine');
  });

  test('say why they end, with the kind where the server tells it', async () => {
    const { http, send, idOf } = await connect();
    const [told, untold] = [await http.stream(get), await http.stream(get)];
    const errorData = { kind: 'http_failed', reason: 'timed_out', phase: 'body', message: 'too slow' };
    send(1, '', { done: true, error: 'error decoding response body', errorData }, idOf(0));
    send(1, '', { done: true, error: 'error decoding response body' }, idOf(1));
    await expect(readAll(told.body)).rejects.toMatchObject({ message: 'too slow', data: { reason: 'timed_out' } });
    await expect(readAll(untold.body)).rejects.toMatchObject({
      message: 'error decoding response body',
      data: { kind: 'http_failed', reason: 'other', phase: 'body' },
    });
  });

  test('that are tiny and wait are put together', async () => {
    const { http, send } = await connect();
    const { body } = await http.stream(get);
    for (let seq = 1; seq <= 2000; seq++) send(seq, 'x');
    send(2001, '', { done: true });
    await new Promise((resolve) => setImmediate(resolve));
    const sizes: number[] = [];
    for await (const chunk of body) sizes.push(chunk.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(2000);
    expect(sizes.length).toBeLessThan(5);
  });
});

describe('credit', () => {
  test('is given for what the reader has taken, not for what has come', async () => {
    const { http, send, server, idOf } = await connect();
    const { body } = await http.stream(get);
    expect(server.asked('http/request')[0]).toMatchObject({
      creditBytes: 2 * MIB,
      streamResponse: true,
      details: true,
    });
    send(1, Buffer.alloc(MIB));
    send(2, Buffer.alloc(MIB));
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.asked('http/request/credit')).toEqual([]);
    await body[Symbol.asyncIterator]().next();
    await until(() => server.asked('http/request/credit').length === 1);
    expect(server.asked('http/request/credit')).toEqual([{ requestId: idOf(), bytes: MIB }]);
  });

  describe('is not asked for where it is not known', () => {
    const pieces = 40;

    async function sendMuch(answers: Answers = {}) {
      const { http, send, server } = await connect({ ours: false, answers });
      const { body } = await http.stream(get);
      expect(server.asked('http/request')[0]).not.toHaveProperty('creditBytes');
      const waiting = http.stream(get);
      waiting.catch(() => undefined);
      await until(() => server.asked('http/request').length === 2);
      for (let seq = 1; seq <= pieces; seq++) send(seq, Buffer.alloc(MIB));
      send(pieces + 1, '', { done: true });
      await new Promise((resolve) => setImmediate(resolve));
      let read = 0;
      const reading = (async () => {
        for await (const chunk of body) read += chunk.length;
      })();
      return { reading, read: () => read };
    }

    test('reading from the connection pauses instead, and the body comes through whole', async () => {
      const { reading, read } = await sendMuch();
      await reading;
      expect(read()).toBe(pieces * MIB);
    });

    test('it does not while a call waits for its answer: the body fails after the 32 MiB that are held', async () => {
      let calls = 0;
      const { reading, read } = await sendMuch({
        'http/request': () => (++calls === 1 ? HEAD : new Promise(() => undefined)),
      });
      await expect(reading).rejects.toThrow(/more than 33554432 bytes wait for their reader/);
      expect(read()).toBe(33 * MIB);
    });
  });
});

describe('a request that is given up', () => {
  test('is cancelled at a server that can, once', async () => {
    const { http, server, idOf } = await connect({ answers: { 'http/request': () => new Promise(() => undefined) } });
    const stop = new AbortController();
    const failed = http.request(get, { signal: stop.signal });
    await until(() => server.asked('http/request').length === 1);
    stop.abort(new Error('enough'));
    await expect(failed).rejects.toMatchObject({ kind: 'cancelled', cause: { message: 'enough' } });
    await until(() => server.asked('http/request/cancel').length === 1);
    expect(server.asked('http/request/cancel')).toEqual([{ requestId: idOf() }]);
  });

  test('is not asked about where cancelling is not known, and what comes late is dropped', async () => {
    const { http, server, send } = await connect({ ours: false });
    const response = await http.stream(get);
    response.cancel();
    send(1, 'late');
    send(2, '', { done: true });
    await expect(readAll(response.body)).rejects.toMatchObject({ kind: 'cancelled' });
    expect((await http.stream(get)).status).toBe(200);
    expect(server.asked('http/request/cancel')).toEqual([]);
    expect(server.connections).toBe(1);
  });

  test('by closing the client ends with it, and no other follows', async () => {
    const { http } = await connect({ answers: { 'http/request': () => new Promise(() => undefined) } });
    const failed = http.request(get);
    await http.close();
    await expect(failed).rejects.toMatchObject({ kind: 'cancelled' });
    await expect(http.request(get)).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

describe('a cut', () => {
  test('is answered by another request under another id, where that is harmless', async () => {
    let calls = 0;
    const { http, server, idOf } = await connect({
      answers: { 'http/request': () => (++calls === 1 ? new Promise(() => undefined) : HEAD) },
    });
    const answer = http.stream(get);
    await until(() => server.asked('http/request').length === 1);
    server.cut();
    expect((await answer).status).toBe(200);
    expect(idOf(1)).not.toBe(idOf(0));
  });

  test.each([
    ['POST', undefined],
    [
      'PUT',
      (async function* () {
        yield Buffer.from('once');
      })(),
    ],
  ])('leaves open what became of %s', async (method, body) => {
    const { http, server } = await connect({ answers: { 'http/request': () => new Promise(() => undefined) } });
    const failed = http.stream({ method, url: URL, body });
    failed.catch(() => undefined);
    await until(() => server.asked('http/request').length === 1);
    server.cut();
    await expect(failed).rejects.toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
    expect(server.asked('http/request').length).toBe(1);
  });

  test('fails the bodies that are being read, and hands out what had come', async () => {
    const { http, send, server } = await connect();
    const { body } = await http.stream(get);
    send(1, 'come');
    const pieces = body[Symbol.asyncIterator]();
    expect(String((await pieces.next()).value)).toBe('come');
    server.cut();
    await expect(pieces.next()).rejects.toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
  });

  test('every time a request is sent is not waited for for ever', async () => {
    const { http, server } = await connect({
      answers: {
        'http/request': () => {
          server.cut();
          return new Promise(() => undefined);
        },
      },
    });
    await expect(http.request(get)).rejects.toMatchObject({ code: 'connection_closed' });
    expect(server.asked('http/request').length).toBe(8);
  });
});

describe('the body of a request', () => {
  async function* pieces() {
    yield Buffer.from('one');
    yield Buffer.from('two');
  }

  test('that is streamed follows it in chunks', async () => {
    const { http, server, idOf } = await connect();
    await http.stream({ method: 'POST', url: URL, body: pieces() });
    await until(() => server.asked('http/request/bodyChunk').length === 3);
    const chunk = (seq: number, text: string, done = false) => ({
      requestId: idOf(),
      seq,
      deltaBase64: Buffer.from(text).toString('base64'),
      done,
    });
    expect(server.asked('http/request/bodyChunk')).toEqual([chunk(1, 'one'), chunk(2, 'two'), chunk(3, '', true)]);
  });

  test('is collected where that is not known', async () => {
    const { http, server } = await connect({ ours: false });
    await http.stream({ method: 'POST', url: URL, body: pieces() });
    expect(server.asked('http/request')[0]).toMatchObject({ bodyBase64: Buffer.from('onetwo').toString('base64') });
  });

  test('is never sent twice', async () => {
    const { http } = await connect();
    const body = pieces();
    await http.stream({ method: 'POST', url: URL, body });
    const again = http.stream({ method: 'POST', url: URL, body });
    await expect(again).rejects.toMatchObject({ kind: 'http_failed', data: { reason: 'request_body' } });
  });
});

test('an error of a real server, which tells no kind, has one', async () => {
  const failing = (message: string) =>
    connect({
      ours: false,
      answers: {
        'http/request': () => {
          throw new Error(message);
        },
      },
    });
  const { http } = await failing('http/request failed: route-aware request timed out');
  await expect(http.request(get)).rejects.toMatchObject({
    kind: 'http_failed',
    data: { reason: 'timed_out', phase: 'headers', mayHaveExecuted: true },
  });
});
