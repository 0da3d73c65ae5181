import { describe, expect, test, vi } from 'vitest';
import { type Answers, atEnd, ScriptedServer } from '../../test/harness/index.js';
import { ErrorCode, WireError } from '../protocol/errors.js';
import { extensionCapabilities } from '../protocol/session-methods.js';
import { ExecServerClient, processId, text, wait } from './index.js';

const INFO_169 = {
  shell: { name: 'bash', path: '/bin/bash' },
  executorVersion: '0.169.0',
  cwd: 'file:///work',
  capabilities: { networkProxyLaunch: true },
};

const v129 = (answers: Answers = {}) =>
  new ScriptedServer({
    initialize: () => ({ sessionId: 's' }),
    'process/start': ({ processId }) => ({ processId }),
    ...answers,
  });
const v169 = (answers: Answers = {}) =>
  v129({ initialize: () => ({ sessionId: 's', environmentInfo: INFO_169 }), ...answers });
const ours = (answers: Answers = {}) =>
  v129({
    initialize: () => ({
      sessionId: 's',
      environmentInfo: { ...INFO_169, capabilities: { ...extensionCapabilities } },
    }),
    ...answers,
  });

async function connect(server: ScriptedServer): Promise<ExecServerClient> {
  const client = await ExecServerClient.connect(server);
  atEnd(() => client.close());
  return client;
}

const cat = (more: object = {}) => ({
  processId: processId('p'),
  argv: ['cat'] as const,
  cwd: '/a dir',
  env: {},
  tty: false,
  ...more,
});

describe('a server that answers initialize with a session id alone (0.129.0)', () => {
  test('gets plain paths, and no extension', async () => {
    const server = v129({
      'fs/getMetadata': () => ({ isDirectory: true, isFile: false, isSymlink: false, createdAtMs: 0, modifiedAtMs: 0 }),
    });
    const client = await connect(server);
    expect([...client.capabilities]).toEqual([]);
    await client.processes.start(cat());
    expect(server.asked('process/start')).toEqual([
      { processId: 'p', argv: ['cat'], cwd: '/a dir', env: {}, tty: false },
    ]);
    expect((await client.files.getMetadata('/a dir/x')).size).toBeNull();
    await client.files.getMetadata('file:///a%20dir/y');
    expect(server.asked('fs/getMetadata').map(({ path }) => path)).toEqual(['/a dir/x', '/a dir/y']);
  });

  test('is not known: the environment is assumed, and says so', async () => {
    const client = await connect(v129());
    expect(await client.environmentInfo()).toEqual({ shell: { name: 'sh', path: '/bin/sh' }, assumed: true });
  });

  test('is asked for no sandboxed process, which it would run without', async () => {
    const server = v129();
    const { processes } = await connect(server);
    const managed = { type: 'managed', fileSystem: { type: 'unrestricted' }, network: 'restricted' } as const;
    await expect(processes.start(cat({ sandbox: { permissions: managed } }))).rejects.toThrow('sandboxed processes');
    expect(server.asked('process/start')).toEqual([]);
    await processes.start(cat({ sandbox: { permissions: { type: 'disabled' } } }));
    expect(server.asked('process/start')).toHaveLength(1);
  });

  test('has its exit code passed on as it is', async () => {
    const server = v129();
    const process = await (await connect(server)).processes.start(cat());
    server.notify('process/exited', { processId: 'p', seq: 1, exitCode: -1 });
    server.notify('process/closed', { processId: 'p', seq: 2 });
    expect(await wait(process)).toEqual({ exitCode: -1, signal: null });
  });

  test('gets Ctrl-D and Ctrl-C typed where there is a terminal, and is spared what it does not know', async () => {
    const server = v129({
      'process/write': () => ({ status: 'accepted' }),
      'process/terminate': () => ({ running: true }),
    });
    const { processes } = await connect(server);
    const terminal = await processes.start(cat({ tty: true }));
    await terminal.closeStdin();
    await terminal.signal('interrupt');
    expect(server.asked('process/write').map(({ chunk }) => chunk)).toEqual(['BA==', 'Aw==']);
    const pipe = await processes.start(cat({ processId: processId('q'), pipeStdin: true }));
    await pipe.terminate({ graceMs: 1000 });
    expect(server.asked('process/terminate')).toEqual([{ processId: 'q' }]);
    const unsupported = {
      name: 'UnsupportedByServerError',
      code: 'unsupported',
      retryable: false,
      mayHaveExecuted: false,
    };
    const before = server.calls.length;
    await expect(pipe.closeStdin()).rejects.toMatchObject(unsupported);
    await expect(pipe.signal('interrupt')).rejects.toMatchObject(unsupported);
    await expect(terminal.signal('SIGUSR1')).rejects.toMatchObject(unsupported);
    await expect(terminal.resize({ cols: 1, rows: 1 })).rejects.toMatchObject(unsupported);
    const third = cat({ processId: processId('r') });
    await expect(processes.start({ ...third, size: { cols: 1, rows: 1 } })).rejects.toMatchObject(unsupported);
    await expect(processes.start({ ...third, timeoutMs: 1 })).rejects.toThrow(/leave it out, and terminate/);
    expect(server.calls).toHaveLength(before);
  });

  test('fails a write that was in flight at a cut, because it would take the repeat for another', async () => {
    const server = v129({
      'process/write': () => {
        server.cut();
        return { status: 'accepted' };
      },
      'process/read': () => ({ chunks: [], nextSeq: 1, exited: false, exitCode: null, closed: false, failure: null }),
    });
    const process = await (await connect(server)).processes.start(cat({ pipeStdin: true }));
    await expect(process.write(Buffer.from('x'))).rejects.toMatchObject({
      code: 'connection_closed',
      mayHaveExecuted: true,
    });
    expect(server.asked('process/write')).toHaveLength(1);
  });
});

describe('a server whose cwd is a file: URI (0.169.0)', () => {
  test('gets URIs and write ids, and interrupts', async () => {
    const server = v169({
      'process/write': () => ({ status: 'accepted' }),
      'process/signal': () => ({}),
      'fs/copy': () => ({}),
    });
    const client = await connect(server);
    const process = await client.processes.start(cat({ pipeStdin: true }));
    expect(server.asked('process/start')[0]?.cwd).toBe('file:///a%20dir');
    await process.write(Buffer.from('1'));
    await process.write(Buffer.from('2'));
    const ids = server.asked('process/write').map(({ writeId }) => writeId);
    expect(new Set(ids).size).toBe(2);
    await process.signal('interrupt');
    await process.signal('SIGINT');
    expect(server.asked('process/signal').map(({ signal }) => signal)).toEqual(['interrupt', 'interrupt']);
    await client.files.copy('/a', '/b');
    expect(server.asked('fs/copy')).toEqual([
      { sourcePath: 'file:///a', destinationPath: 'file:///b', recursive: false },
    ]);
    expect(await client.environmentInfo()).toMatchObject({ executorVersion: '0.169.0' });
    await expect(process.signal('SIGTERM')).rejects.toThrow(/send `interrupt`, or terminate it/);
  });

  test('gets a write again by the same id when the connection was cut', async () => {
    const server = v169({
      'process/write': () => {
        if (server.connections === 1) server.cut();
        return { status: 'accepted' };
      },
      'process/read': () => ({ chunks: [], nextSeq: 1, exited: false, exitCode: null, closed: false, failure: null }),
    });
    const process = await (await connect(server)).processes.start(cat({ pipeStdin: true }));
    expect(await process.write(Buffer.from('x'))).toBe('accepted');
    const [first, second] = server.asked('process/write');
    expect(second).toEqual(first);
  });

  test('that never finishes a start after a cut is given up with an error that says so', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    atEnd(() => vi.useRealTimers());
    const server = v169({
      'process/start': () => {
        server.cut();
        return {};
      },
      'process/read': () => {
        throw new WireError(ErrorCode.invalidRequest, 'process id p is starting', { kind: 'invalid_request' });
      },
      'process/terminate': () => ({ running: false }),
    });
    const client = await connect(server);
    const starting = expect(client.processes.start(cat())).rejects.toMatchObject({
      message: expect.stringMatching(/still at it 5 s later: start it by another id/),
      mayHaveExecuted: true,
    });
    await vi.advanceTimersByTimeAsync(6_000);
    await starting;
    expect(server.asked('process/start')).toHaveLength(1);
  });
});

describe('our server', () => {
  test('gets every extension it announces', async () => {
    const server = ours({
      'process/resize': () => ({}),
      'process/closeStdin': () => ({}),
      'process/signal': () => ({}),
      'process/terminate': () => ({ running: true }),
    });
    const process = await (await connect(server)).processes.start(
      cat({ tty: true, size: { cols: 2, rows: 3 }, timeoutMs: 5 }),
    );
    expect(server.asked('process/start')[0]).toMatchObject({ size: { cols: 2, rows: 3 }, timeoutMs: 5 });
    await process.resize({ cols: 4, rows: 5 });
    await process.closeStdin();
    await process.signal('SIGUSR1');
    expect(await process.terminate({ graceMs: 7 })).toEqual({ running: true });
    expect(server.calls.slice(-4)).toEqual([
      ['process/resize', { processId: 'p', size: { cols: 4, rows: 5 } }],
      ['process/closeStdin', { processId: 'p' }],
      ['process/signal', { processId: 'p', signal: 'SIGUSR1' }],
      ['process/terminate', { processId: 'p', graceMs: 7 }],
    ]);
  });
});

describe('pushed events', () => {
  const output = (server: ScriptedServer, seq: number, chunk: string) =>
    server.notify('process/output', {
      processId: 'p',
      seq,
      stream: 'stdout',
      chunk: Buffer.from(chunk).toString('base64'),
    });
  const nothing = { chunks: [], nextSeq: 1, exited: false, exitCode: null, closed: false, failure: null };

  test('are put in order, even before the answer to the start', async () => {
    const server = v169({
      'process/start': () => {
        server.notify('process/closed', { processId: 'p', seq: 4 });
        output(server, 2, 'b');
        server.notify('process/exited', { processId: 'p', seq: 3, exitCode: 5 });
        output(server, 1, 'a');
        output(server, 2, 'b');
        return { processId: 'p' };
      },
    });
    const process = await (await connect(server)).processes.start(cat());
    expect(await text(process)).toMatchObject({ stdout: 'ab', exitCode: 5, incomplete: false });
    expect(server.asked('process/read')).toHaveLength(0);
  });

  test('of processes that nobody follows, of unknown kinds and of no sense are ignored', async () => {
    const server = v169({ 'process/read': () => nothing });
    const process = await (await connect(server)).processes.start(cat());
    server.notify('process/output', { processId: 'other', seq: 1, stream: 'stdout', chunk: '' });
    server.notify('fs/missingChanged', { watchId: 1 });
    server.notify('process/output', { processId: 'p', seq: 'x' });
    output(server, 1, 'ok');
    expect(await process.read({ waitMs: 1000 })).toMatchObject({ nextSeq: 2 });
  });

  test('that stay out are asked for', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    atEnd(() => vi.useRealTimers());
    const server = v169({
      'process/read': () => ({ ...nothing, nextSeq: 3, chunks: [{ seq: 1, stream: 'stdout', chunk: 'YQ==' }] }),
    });
    const process = await (await connect(server)).processes.start(cat());
    output(server, 2, 'b');
    await vi.advanceTimersByTimeAsync(900);
    expect(server.asked('process/read')).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(server.asked('process/read')).toHaveLength(1);
    const { chunks } = await process.read();
    expect(chunks.map(({ chunk }) => chunk.toString()).join('')).toBe('ab');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('that the server does not have either become a gap, after a while', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    atEnd(() => vi.useRealTimers());
    const server = v169({ 'process/read': () => nothing });
    const process = await (await connect(server)).processes.start(cat());
    const events = process.events();
    output(server, 2, 'b');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await events.next()).toMatchObject({ value: { type: 'gap', fromSeq: 1, toSeq: 1 } });
    expect(await events.next()).toMatchObject({ value: { type: 'output', seq: 2 } });
  });

  test('that are too many to put in order are read instead', async () => {
    const all = Array.from({ length: 1000 }, (_, i) => ({ seq: i + 1, stream: 'stdout', chunk: 'YQ==' }));
    const server = v169({
      'process/read': ({ afterSeq }) => ({ ...nothing, nextSeq: 1001, chunks: all.slice(Number(afterSeq)) }),
    });
    const process = await (await connect(server)).processes.start(cat());
    for (let seq = 2; seq <= 1000; seq++) output(server, seq, 'a');
    await vi.waitFor(async () => expect((await process.read()).chunks).toHaveLength(1000));
    expect(server.asked('process/read').length).toBeLessThan(3);
  });

  test('of a process that the server no longer knows after a cut end with an error', async () => {
    const server = v169({
      'process/read': () => {
        throw new WireError(ErrorCode.invalidRequest, 'unknown process id p', { kind: 'invalid_request' });
      },
    });
    const client = await connect(server);
    const process = await client.processes.start(cat());
    server.cut();
    await expect(wait(process)).rejects.toMatchObject({ code: 'process_lost', processId: 'p' });
    await vi.waitFor(() => expect(client.state.status).toBe('connected'));
  });

  test('of a connection that has been replaced are too late', async () => {
    const server = v169({ 'process/read': () => nothing });
    const late: ((text: string) => void)[] = [];
    const client = await ExecServerClient.connect({
      dial: async () => {
        const channel = await server.dial();
        const start = channel.start.bind(channel);
        channel.start = (handlers) => {
          late.push((text) => handlers.message(text));
          start(handlers);
        };
        return channel;
      },
    });
    atEnd(() => client.close());
    const process = await client.processes.start(cat());
    server.cut();
    await vi.waitFor(() => expect(client.state.status).toBe('connected'));
    const event = (chunk: string) =>
      `{"method":"process/output","params":{"processId":"p","seq":1,"stream":"stdout","chunk":"${chunk}"}}`;
    late[0]?.(event('b2xk'));
    expect((await process.read()).chunks).toEqual([]);
    late[1]?.(event('bmV3'));
    expect((await process.read()).chunks.map(({ chunk }) => chunk.toString())).toEqual(['new']);
  });
});
