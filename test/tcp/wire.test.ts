import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ExecServerClient } from '../../src/client/index.js';
import type { CreateExecServerOptions } from '../../src/embed/index.js';
import { RemoteEnvironment } from '../../src/environment/index.js';
import { wait } from '../../src/process/conveniences.js';
import { processId } from '../../src/process/types.js';
import { MAX_TCP_STREAMS } from '../../src/server/limits.js';
import type { TcpConnector } from '../../src/tcp/types.js';
import { atEnd, CutProxy, countDescriptors, RawClient, startInProcess, until, whenClosed } from '../harness/index.js';
import { echoing, startTcp, type TcpOrigin } from './origins.js';
import { connect } from './places.js';

const MIB = 1024 * 1024;

async function openRaw(options: CreateExecServerOptions = {}) {
  const { url } = await startInProcess(options);
  return RawClient.open(url);
}

const to = ({ host, port }: TcpOrigin, streamId = 's', more: object = {}) => ({
  streamId,
  host,
  port,
  creditBytes: MIB,
  ...more,
});

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');

function received(client: RawClient, streamId = 's'): Buffer {
  const chunks = client.messages.filter(({ method, params }) => method === 'tcp/data' && params?.streamId === streamId);
  return Buffer.concat(chunks.map(({ params }) => Buffer.from(String(params?.chunk), 'base64')));
}

const saying = (client: RawClient, method: string, streamId = 's') =>
  client.waitFor((message) => message.method === method && message.params?.streamId === streamId);

describe('on the wire', () => {
  test('data follows the answer, and an end goes each way by itself', async () => {
    const client = await openRaw();
    const origin = await startTcp((socket) => {
      socket.write('greeting');
      echoing(socket);
    });
    const { id, result } = await client.request('tcp/connect', to(origin));
    expect(result).toEqual({ creditBytes: MIB });
    client.notify('tcp/data', { streamId: 's', chunk: base64(' and echo') });
    client.notify('tcp/end', { streamId: 's' });
    await saying(client, 'tcp/end');
    expect(received(client).toString()).toBe('greeting and echo');
    const answerAt = client.messages.findIndex((message) => message.id === id);
    expect(client.messages.findIndex(({ method }) => method === 'tcp/data')).toBeGreaterThan(answerAt);
    await until(() => origin.sockets.size === 0);
    expect(client.messages.some(({ method }) => method === 'tcp/reset')).toBe(false);
  });

  test('what comes goes as far as it has credit, to the byte, and further with more', async () => {
    const client = await openRaw();
    const origin = await startTcp((socket) => void socket.end(Buffer.alloc(MIB)));
    await client.result('tcp/connect', to(origin, 's', { creditBytes: 100_000 }));
    await until(() => received(client).length === 100_000);
    // Another has gone its whole way meanwhile.
    await client.result('tcp/connect', to(origin, 'other'));
    await saying(client, 'tcp/end', 'other');
    expect(received(client).length).toBe(100_000);
    client.notify('tcp/credit', { streamId: 's', bytes: 1 });
    await until(() => received(client).length === 100_001);
    client.notify('tcp/credit', { streamId: 's', bytes: MIB });
    await saying(client, 'tcp/end');
    expect(received(client).length).toBe(MIB);
  });

  test('credit is given back as the origin takes what was sent', async () => {
    const client = await openRaw();
    const origin = await startTcp((socket) => void socket.resume());
    await client.result('tcp/connect', to(origin));
    const quarter = base64(Buffer.alloc(MIB / 4));
    for (let sent = 0; sent < 4; sent++) client.notify('tcp/data', { streamId: 's', chunk: quarter });
    const given = () =>
      client.messages
        .filter(({ method }) => method === 'tcp/credit')
        .reduce((sum, { params }) => sum + Number(params?.bytes), 0);
    await until(() => given() === MIB);
  });

  test.each([
    ['more than there is credit for', 'tcp/data', { chunk: base64(Buffer.alloc(MIB + 1)) }, /at most 1048576 bytes/],
    ['what is no base64', 'tcp/data', { chunk: '*' }, /base64/],
    ['what is no data', 'tcp/data', {}, /broke the protocol of tcp\/data/],
  ])('%s ends the stream, which is said, and the connection lives', async (_what, method, params, message) => {
    const client = await openRaw();
    const origin = await startTcp(echoing);
    await client.result('tcp/connect', to(origin));
    client.notify(method, { streamId: 's', ...params });
    expect((await saying(client, 'tcp/reset')).params).toMatchObject({ message: expect.stringMatching(message) });
    await until(() => origin.sockets.size === 0);
    await client.result('tcp/connect', to(origin));
  });

  test('data after the end ends the stream', async () => {
    const client = await openRaw();
    const origin = await startTcp((socket) => void socket.resume());
    await client.result('tcp/connect', to(origin));
    client.notify('tcp/end', { streamId: 's' });
    client.notify('tcp/data', { streamId: 's', chunk: base64('late') });
    expect((await saying(client, 'tcp/reset')).params).toMatchObject({ message: expect.stringMatching(/tcp\/end/) });
  });

  test('what comes for a stream that nobody has is dropped', async () => {
    const client = await openRaw();
    for (const method of ['tcp/data', 'tcp/end', 'tcp/reset', 'tcp/credit']) {
      client.notify(method, { streamId: 'nobody', chunk: '', bytes: 1 });
    }
    await client.result('environment/status', {});
  });

  test('an id is in use until its stream is over', async () => {
    const client = await openRaw();
    const origin = await startTcp(echoing);
    await client.result('tcp/connect', to(origin));
    const { error } = await client.request('tcp/connect', to(origin));
    expect(error).toMatchObject({ code: -32602, message: 'tcp/connect streamId `s` is already in use' });
    client.notify('tcp/reset', { streamId: 's' });
    await until(() => origin.sockets.size === 0);
    await client.result('tcp/connect', to(origin));
  });

  test.each([
    [{ port: 0 }, /port/],
    [{ port: 70_000 }, /port/],
    [{ host: '' }, /host/],
    [{ timeoutMs: 0 }, /timeoutMs/],
  ])('%j cannot be', async (wrong, message) => {
    const client = await openRaw();
    const params = { ...to({ host: '127.0.0.1', port: 1, sockets: new Set() }), ...wrong };
    const { error } = await client.request('tcp/connect', params);
    expect(error).toMatchObject({ code: -32602, message: expect.stringMatching(message) });
  });

  test('streams that are being connected count too, and are given up when they are reset', async () => {
    let given = 0;
    const tcp: TcpConnector = {
      connect: (_address, { signal } = {}) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            given++;
            reject(new Error('given up'));
          });
        }),
      ensureSupported: async () => undefined,
      close: async () => undefined,
    };
    const client = await openRaw({ tcp });
    const origin = { host: '127.0.0.1', port: 1, sockets: new Set<never>() };
    const answers = Array.from({ length: MAX_TCP_STREAMS }, (_, i) =>
      client.request('tcp/connect', to(origin, `${i}`)),
    );
    const { error } = await client.request('tcp/connect', to(origin, 'one more'));
    expect(error).toMatchObject({ code: -32600, data: { kind: 'limit_reached', retryable: true } });
    client.notify('tcp/reset', { streamId: '0' });
    expect((await answers[0])?.error?.message).toBe('given up');
    client.cut();
    await until(() => given === MAX_TCP_STREAMS);
  });

  test('it is announced where it is served, and refused where not', async () => {
    const announced = async (options: CreateExecServerOptions) => {
      const client = await RawClient.connect((await startInProcess(options)).url);
      const { capabilities } = await client.result('initialize', { clientName: 'test' });
      client.notify('initialized', {});
      return { client, tcpConnect: (capabilities as Record<string, unknown>).tcpConnect };
    };
    expect((await announced({})).tcpConnect).toBe(true);
    const { client, tcpConnect } = await announced({ tcp: null });
    expect(tcpConnect).toBeUndefined();
    const { error } = await client.request('tcp/connect', to({ host: 'x', port: 1, sockets: new Set() }));
    expect(error).toMatchObject({ code: -32601, data: { kind: 'capability_unavailable' } });
  });
});

test('a server that does not offer it is told apart at once, also behind another', async () => {
  const inner = new RemoteEnvironment({ id: 'inner', url: (await startInProcess({ tcp: null })).url });
  atEnd(() => inner.close());
  await expect(inner.tcp.ensureSupported()).rejects.toMatchObject({ code: 'unsupported' });
  const { processes, files, http, tcp } = inner;
  const client = await connect((await startInProcess({ processes, files, http, tcp })).url);
  expect(client.capabilities.has('tcpConnect')).toBe(false);
  const refused = client.tcp.connect({ host: '127.0.0.1', port: 1 });
  await expect(refused).rejects.toThrow(/this server does not support TCP connections/);
});

test('a stream that stands still delays no process of the connection', async () => {
  const client = await connect((await startInProcess()).url);
  const torrent = await startTcp((socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(MIB)));
    };
    socket.on('drain', more);
    more();
  });
  const stalled = await client.tcp.connect(torrent);
  stalled.on('error', () => undefined);
  await once(stalled, 'readable');
  const start = { argv: ['/bin/sh', '-c', 'exit 3'] as [string, ...string[]], cwd: '/', env: {}, tty: false };
  const child = await client.processes.start({ processId: processId('p'), ...start });
  expect((await wait(child)).exitCode).toBe(3);
  stalled.destroy();
});

describe('when the connection to the server is cut', () => {
  async function throughProxy() {
    const { url } = await startInProcess();
    const proxy = await CutProxy.listen(url);
    const client = await ExecServerClient.connect({ url: proxy.url });
    atEnd(() => client.close());
    return { proxy, client, tcp: client.tcp };
  }

  test('streams break at once with the reason, at both ends, and new ones go over the next connection', async () => {
    const { proxy, tcp } = await throughProxy();
    const origin = await startTcp(echoing);
    const streams = await Promise.all([tcp.connect(origin), tcp.connect(origin)]);
    const errors = streams.map((stream) => new Promise<Error>((resolve) => stream.resume().once('error', resolve)));
    proxy.cutAll();
    for (const error of await Promise.all(errors)) {
      expect(error).toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
      expect(error.message).toMatch(/^exec-server connection closed: /);
    }
    await until(() => origin.sockets.size === 0);
    // Whether it has recovered by now or not.
    const stream = await tcp.connect(origin);
    stream.write('again');
    const [data] = await new Promise<[Buffer]>((resolve) => stream.once('data', (chunk: Buffer) => resolve([chunk])));
    expect(data.toString()).toBe('again');
    stream.destroy();
  });

  test('one that is being connected fails, as it may have been made', async () => {
    let asked = 0;
    const tcp: TcpConnector = {
      connect: (_address, { signal } = {}) =>
        new Promise((_resolve, reject) => {
          asked++;
          signal?.addEventListener('abort', () => reject(new Error('given up')));
        }),
      ensureSupported: async () => undefined,
      close: async () => undefined,
    };
    const proxy = await CutProxy.listen((await startInProcess({ tcp })).url);
    const client = await connect(proxy.url);
    const waiting = client.tcp.connect({ host: '127.0.0.1', port: 1 });
    await until(() => asked === 1);
    proxy.cutAll();
    await expect(waiting).rejects.toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
  });

  test('a client that is closed leaves no stream open', async () => {
    const { client, tcp } = await throughProxy();
    const origin = await startTcp((socket) => void socket.resume());
    const stream = await tcp.connect(origin);
    const closed = whenClosed(stream.on('error', () => undefined));
    await client.close();
    await closed;
    await until(() => origin.sockets.size === 0);
  });
});

test('streams leave no descriptor behind, however they end', async () => {
  const client = await connect((await startInProcess()).url);
  const origin = await startTcp(echoing);
  const visit = async () => {
    const stream = await client.tcp.connect(origin);
    stream.on('error', () => undefined).end('x');
    const closed = whenClosed(stream.resume());
    const reset = await client.tcp.connect(origin);
    reset.resetAndDestroy();
    await client.tcp.connect({ host: '127.0.0.1', port: 1 }).catch(() => undefined);
    await closed;
  };
  await visit(); // what is made once, is made now
  await until(() => origin.sockets.size === 0);
  const descriptors = countDescriptors();
  for (let i = 0; i < 20; i++) await visit();
  await until(() => origin.sockets.size === 0 && countDescriptors() <= descriptors, {
    what: `${descriptors} descriptors again`,
  });
});
