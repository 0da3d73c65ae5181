import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ExecServerClient } from '../../src/client/index.js';
import { LocalHttpClient } from '../../src/embed/index.js';
import { RemoteEnvironment } from '../../src/environment/index.js';
import { atEnd, CutProxy, RawClient, standsStill, startInProcess, until, type WireMessage } from '../harness/index.js';
import { createAuthority } from '../http/certificates.js';
import { echo, startOrigin, startTlsOrigin } from '../http/origins.js';
import { startProxy } from '../http/proxies.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const deltasOf = (client: RawClient, requestId: string) =>
  client.messages.filter(
    ({ method, params }) => method === 'http/request/bodyDelta' && params?.requestId === requestId,
  );
const bytesOf = ({ params }: WireMessage) => Buffer.from(String(params?.deltaBase64), 'base64');
const received = (client: RawClient, requestId: string) =>
  Buffer.concat(deltasOf(client, requestId).map(bytesOf)).length;

/** Resolves with the last delta of a body. */
function ended(client: RawClient, requestId: string): Promise<WireMessage> {
  return client.waitFor(
    ({ method, params }) =>
      method === 'http/request/bodyDelta' && params?.requestId === requestId && params.done === true,
  );
}

/** An origin whose answers the test finishes. */
async function holding() {
  const responses: ServerResponse[] = [];
  const origin = await startOrigin((_request, response) => {
    response.flushHeaders();
    responses.push(response);
  });
  return { origin, responses };
}

async function openServer() {
  const { url, server } = await startInProcess();
  return { url, server, client: await RawClient.open(url) };
}

const get = (url: string, requestId: string, more: Record<string, unknown> = {}) => ({
  method: 'GET',
  url,
  requestId,
  streamResponse: true,
  ...more,
});

describe('a streamed body', () => {
  test('follows its answer, in pieces that are counted from 1 and at most 1 MiB, and ends with an empty one', async () => {
    const { client } = await openServer();
    const origin = await startOrigin((_request, response) => void response.end(Buffer.alloc(5 * MIB, 'x')));
    const { id } = await client.request('http/request', get(origin.url, 'r'));
    await ended(client, 'r');
    const answerAt = client.messages.findIndex((message) => message.id === id);
    expect(client.messages.findIndex(({ method }) => method === 'http/request/bodyDelta')).toBeGreaterThan(answerAt);
    const deltas = deltasOf(client, 'r');
    expect(deltas.map(({ params }) => params?.seq)).toEqual(deltas.map((_, i) => i + 1));
    expect(Math.max(...deltas.map((delta) => bytesOf(delta).length))).toBeLessThanOrEqual(MIB);
    expect(received(client, 'r')).toBe(5 * MIB);
    expect(deltas.at(-1)?.params).toEqual({
      requestId: 'r',
      seq: deltas.length,
      deltaBase64: '',
      done: true,
      error: null,
    });
  });

  test('of a request id with any letters comes under that id', async () => {
    const { client } = await openServer();
    const origin = await startOrigin(echo);
    const requestId = 'é"\\\n😀';
    await client.result('http/request', get(origin.url, requestId));
    await ended(client, requestId);
    expect(received(client, requestId)).toBeGreaterThan(0);
  });

  test('that fails says what real servers say, and why to those who ask for details', async () => {
    const { client } = await openServer();
    const { origin, responses } = await holding();
    await client.result('http/request', get(origin.url, 'plain'));
    await client.result('http/request', get(origin.url, 'detailed', { details: true }));
    for (const response of responses) response.socket?.destroy();
    expect((await ended(client, 'plain')).params).toEqual({
      requestId: 'plain',
      seq: 1,
      deltaBase64: '',
      done: true,
      error: 'error decoding response body',
    });
    expect((await ended(client, 'detailed')).params?.errorData).toMatchObject({
      kind: 'http_failed',
      phase: 'body',
      reason: 'body_cut_short',
      message: expect.stringContaining('the origin closed the connection'),
    });
  });

  test('holds its id until it has ended', async () => {
    const { client } = await openServer();
    const { origin, responses } = await holding();
    await client.result('http/request', get(origin.url, 'r'));
    const again = await client.request('http/request', get(origin.url, 'r'));
    expect(again.error).toMatchObject({
      code: -32602,
      message: 'http/request streamResponse requestId `r` is already active',
    });
    responses[0]?.end();
    await ended(client, 'r');
    await client.result('http/request', get(origin.url, 'r'));
  });

  test('goes as far as it has credit, to the byte, and further with more', async () => {
    const { client } = await openServer();
    const origin = await startOrigin((_request, response) => void response.end(Buffer.alloc(MIB)));
    await client.result('http/request', get(origin.url, 'r', { creditBytes: 100_000 }));
    await until(() => received(client, 'r') === 100_000);
    // One that has come later has gone its whole way meanwhile.
    await client.result('http/request', get(origin.url, 'other'));
    await ended(client, 'other');
    expect(received(client, 'r')).toBe(100_000);
    await client.result('http/request/credit', { requestId: 'r', bytes: 1 });
    await until(() => received(client, 'r') === 100_001);
    await client.result('http/request/credit', { requestId: 'r', bytes: MIB });
    await ended(client, 'r');
    expect(received(client, 'r')).toBe(MIB);
    await client.result('http/request/credit', { requestId: 'r', bytes: MIB });
  });

  test('that is cancelled says nothing more, and its connection to the origin is closed', async () => {
    const { client } = await openServer();
    const { origin, responses } = await holding();
    await client.result('http/request', get(origin.url, 'r'));
    responses[0]?.write('first');
    await until(() => received(client, 'r') === 5);
    await client.result('http/request/cancel', { requestId: 'r' });
    await until(() => origin.sockets.size === 0);
    // The id is free, and what comes under it is of the new one alone.
    await client.result('http/request', get(origin.url, 'r'));
    responses[1]?.end('second');
    await ended(client, 'r');
    expect(deltasOf(client, 'r').map((delta) => bytesOf(delta).toString())).toEqual(['first', 'second', '']);
    await client.result('http/request/cancel', { requestId: 'nobody' });
  });

  test('that waits for credit is cancelled too', async () => {
    const { client } = await openServer();
    const origin = await startOrigin((_request, response) => void response.end(Buffer.alloc(64 * MIB)));
    await client.result('http/request', get(origin.url, 'r', { creditBytes: 10 }));
    await until(() => received(client, 'r') === 10);
    await client.result('http/request/cancel', { requestId: 'r' });
    await until(() => origin.sockets.size === 0);
  });
});

test('a request without an answer is cancelled with an error of its own', async () => {
  const { client } = await openServer();
  const origin = await startOrigin(() => undefined);
  const answers = [
    client.request('http/request', get(origin.url, 'r')),
    client.request('http/request', { method: 'GET', url: origin.url, requestId: 'r' }),
    client.request('http/request', { method: 'GET', url: origin.url, requestId: 'r' }),
  ];
  await until(() => origin.sockets.size === 3);
  await client.result('http/request/cancel', { requestId: 'r' });
  for (const { error } of await Promise.all(answers)) expect(error?.data?.kind).toBe('cancelled');
  await until(() => origin.sockets.size === 0);
});

test('when the connection is cut, its requests end at the origin, in whatever state they are', async () => {
  const { client } = await openServer();
  const silent = await startOrigin(() => undefined);
  const { origin } = await holding();
  void client.request('http/request', { method: 'GET', url: silent.url, requestId: 'a' });
  void client.request('http/request', get(silent.url, 'b'));
  await client.result('http/request', get(origin.url, 'c'));
  await until(() => silent.sockets.size === 2 && origin.sockets.size === 1);
  client.cut();
  await until(() => silent.sockets.size === 0 && origin.sockets.size === 0);
});

test('when the session is taken over, the bodies of the old connection end', async () => {
  const { url, client } = await openServer();
  const { origin } = await holding();
  await client.result('http/request', get(origin.url, 'r'));
  client.pause(); // it does not answer the ping
  await RawClient.open(url, { resumeSessionId: (client as RawClient & { sessionId: string }).sessionId });
  await until(() => origin.sockets.size === 0);
});

test('a client that stops reading its socket pauses the origin', { timeout: 30_000 }, async () => {
  const { url, client } = await openServer();
  let written = 0;
  const origin = await startOrigin((_request, response) => {
    const piece = Buffer.alloc(64 * KIB);
    const more = () => {
      for (let room = !response.destroyed; room; written += piece.length) room = response.write(piece);
    };
    response.on('drain', more);
    more();
  });
  await client.result('http/request', get(origin.url, 'r'));
  client.pause();
  await standsStill(() => written);
  expect(written).toBeLessThan(40 * MIB);
  const other = await RawClient.open(url);
  const answer = await other.result('http/request', {
    method: 'GET',
    url: (await startOrigin(echo)).url,
    requestId: 'o',
  });
  expect(answer.status).toBe(200);
});

describe('a streamed request body', () => {
  const post = (url: string) => ({ ...get(url, 'r', { streamRequest: true }), method: 'POST' });
  const chunk = (seq: number, text: string, done = false) => ({
    requestId: 'r',
    seq,
    deltaBase64: Buffer.from(text).toString('base64'),
    done,
  });

  test('arrives in order, each chunk acknowledged', async () => {
    const { client } = await openServer();
    const origin = await startOrigin(echo);
    const answer = client.result('http/request', post(origin.url));
    const accepted = await Promise.all([
      client.result('http/request/bodyChunk', chunk(1, 'one ')),
      client.result('http/request/bodyChunk', chunk(2, 'two')),
      client.result('http/request/bodyChunk', chunk(3, '', true)),
    ]);
    expect(accepted).toEqual([{ accepted: true }, { accepted: true }, { accepted: true }]);
    expect((await answer).status).toBe(200);
    await ended(client, 'r');
    const seen = JSON.parse(Buffer.concat(deltasOf(client, 'r').map(bytesOf)).toString());
    expect(seen).toMatchObject({ method: 'POST', body: 'one two' });
  });

  test('with a hole in it fails the request, and the origin gets no whole body', async () => {
    const { client } = await openServer();
    const complete: boolean[] = [];
    const origin = await startOrigin((request) => {
      request.resume().on('error', () => undefined);
      request.on('close', () => complete.push(request.complete));
    });
    const answer = client.request('http/request', post(origin.url));
    await client.result('http/request/bodyChunk', chunk(1, 'one'));
    const { error } = await client.request('http/request/bodyChunk', chunk(3, 'three'));
    expect(error).toMatchObject({ code: -32602, message: 'http/request/bodyChunk: expected seq 2, got 3' });
    expect((await answer).error?.data).toMatchObject({ kind: 'http_failed', reason: 'request_body' });
    await until(() => complete.length > 0);
    expect(complete).toEqual([false]);
  });

  test('that nobody wants any more is not accepted', async () => {
    const { client } = await openServer();
    expect(await client.result('http/request/bodyChunk', chunk(1, 'late'))).toEqual({ accepted: false });
    const origin = await startOrigin((_request, response) => void response.end('enough'));
    const answer = client.result('http/request', post(origin.url));
    expect(await client.result('http/request/bodyChunk', chunk(1, 'first'))).toEqual({ accepted: true });
    await answer;
    await ended(client, 'r');
    expect(await client.result('http/request/bodyChunk', chunk(2, 'late'))).toEqual({ accepted: false });
  });

  test.each([
    [{ bodyBase64: '' }, /bodyBase64 and streamRequest/],
    [{ streamResponse: false }, /streamRequest needs streamResponse/],
  ])('that cannot be is refused: %j', async (more, message) => {
    const { client } = await openServer();
    const { error } = await client.request('http/request', { ...post('http://127.0.0.1:1/'), ...more });
    expect(error).toMatchObject({ code: -32602, message: expect.stringMatching(message) });
  });
});

test('headers are as real servers send them, or as they came with `details`', async () => {
  const { client } = await openServer();
  const origin = await startOrigin((_request, response) => {
    response.writeHead(200, 'Fine', [
      'set-cookie',
      'a',
      'x-name',
      Buffer.from('Zoë').toString('latin1'),
      'set-cookie',
      'b',
    ]);
    response.end();
  });
  const of = async (more: object) => {
    const result = await client.result('http/request', { method: 'GET', url: origin.url, requestId: 'r', ...more });
    const headers = result.headers as { name: string; value: string }[];
    return headers.filter(({ name }) => /^(set-cookie|x-name)$/.test(name)).map(({ value }) => value);
  };
  expect(await of({})).toEqual(['a', 'b']);
  expect(await of({ details: true })).toEqual(['a', 'Zoë', 'b']);
});

test('the proxies and certificates of the server count', async () => {
  const authority = createAuthority();
  const [origin, proxy] = await Promise.all([startTlsOrigin(authority.issue(), echo), startProxy()]);
  const http = new LocalHttpClient({ env: { https_proxy: proxy.url, SSL_CERT_FILE: authority.file } });
  atEnd(() => http.close());
  const client = await RawClient.open((await startInProcess({ http })).url);
  const { status } = await client.result('http/request', { method: 'GET', url: origin.url, requestId: 'r' });
  expect([status, proxy.asked]).toEqual([200, [`CONNECT 127.0.0.1:${origin.port}`]]);
});

test('what is announced is what is served', async () => {
  const announced = async (options: Parameters<typeof startInProcess>[0]) => {
    const { url } = await startInProcess(options);
    const client = await RawClient.connect(url);
    const { capabilities } = await client.result('initialize', { clientName: 'test' });
    client.notify('initialized', {});
    const names = Object.keys(capabilities as object).filter((name) => name.startsWith('http'));
    return { names, client };
  };
  const { names } = await announced({});
  expect(names.sort()).toEqual([
    'httpDetails',
    'httpHeaderEnvVars',
    'httpRequestCancel',
    'httpRequestCredit',
    'httpStreamRequest',
  ]);
  const without = await announced({ http: null });
  expect(without.names).toEqual([]);
  const { error } = await without.client.request('http/request', get('http://127.0.0.1:1/', 'r'));
  expect(error).toMatchObject({ code: -32601, data: { kind: 'capability_unavailable' } });
});

test('a server in front of another passes requests on, with their errors and their pace', async () => {
  const inner = await startInProcess();
  const environment = new RemoteEnvironment({ id: 'inner', url: inner.url });
  atEnd(() => environment.close());
  const { processes, files, http } = environment;
  const client = await RawClient.open((await startInProcess({ processes, files, http })).url);
  const origin = await startOrigin((_request, response) => void response.end(Buffer.alloc(8 * MIB)));
  await client.result('http/request', get(origin.url, 'r', { creditBytes: 10 }));
  await until(() => received(client, 'r') === 10);
  await client.result('http/request/credit', { requestId: 'r', bytes: 8 * MIB });
  await ended(client, 'r');
  expect(received(client, 'r')).toBe(8 * MIB);
  const { error } = await client.request('http/request', get('http://127.0.0.1:1/', 's'));
  expect(error).toMatchObject({ code: -32603, data: { kind: 'http_failed', reason: 'connection_refused' } });
});

describe('when the connection to the server is cut', () => {
  async function throughProxy() {
    const { url } = await startInProcess();
    const proxy = await CutProxy.listen(url);
    const client = await ExecServerClient.connect({ url: proxy.url });
    atEnd(() => client.close());
    return { proxy, http: client.http };
  }

  test('a body fails at once, after what has come of it, and requests go on on the next connection', async () => {
    const { proxy, http } = await throughProxy();
    const { origin, responses } = await holding();
    const { body } = await http.stream({ method: 'GET', url: origin.url });
    responses[0]?.write('first');
    const pieces = body[Symbol.asyncIterator]();
    expect(String((await pieces.next()).value)).toBe('first');
    const next = pieces.next();
    proxy.cutAll();
    await expect(next).rejects.toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
    await expect(next).rejects.toThrow(/^exec-server connection closed: /);
    await until(() => origin.sockets.size === 0);
    const other = await startOrigin(echo);
    expect((await http.request({ method: 'GET', url: other.url })).status).toBe(200);
  });

  test('what has no answer yet is made again if that is harmless, else it may have been carried out', async () => {
    const { proxy, http } = await throughProxy();
    const methods: string[] = [];
    const origin = await startOrigin((request, response) => {
      methods.push(request.method ?? '');
      if (methods.length > 3) response.end('answer');
    });
    const made = (method: string) => http.request({ method, url: origin.url });
    const [got, put, posted] = [made('GET'), made('PUT'), made('POST')];
    posted.catch(() => undefined);
    await until(() => methods.length === 3);
    proxy.cutAll();
    await expect(posted).rejects.toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
    expect((await got).body.toString()).toBe('answer');
    expect((await put).body.toString()).toBe('answer');
    expect(methods.slice(3).sort()).toEqual(['GET', 'PUT']);
  });
});
