import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Answers,
  atEnd,
  CutProxy,
  deferred,
  partialFiles,
  ScriptedServer,
  scratchDirectory,
  startInProcess,
  until,
} from '../../test/harness/index.js';
import { LocalFileSystem } from '../files/local/local-file-system.js';
import type { FileOperation, FileSystem, FileWatcher, OpenFile } from '../files/types.js';
import { ErrorCode, WireError } from '../protocol/errors.js';
import type { SandboxContext } from '../protocol/sandbox.js';
import { extensionCapabilities } from '../protocol/session-methods.js';
import { type ConnectTarget, ExecServerClient } from './index.js';

const SERVER_INFO = { shell: { name: 'sh', path: '/bin/sh' }, cwd: 'file:///' };

async function connect(target: ConnectTarget, options = {}): Promise<ExecServerClient> {
  const client = await ExecServerClient.connect(target, options);
  atEnd(() => client.close());
  return client;
}

/** Our client, a proxy that cuts, and our server with these files. */
async function throughProxy(files: FileSystem = new LocalFileSystem(), options = {}) {
  const server = await startInProcess({ files });
  const proxy = await CutProxy.listen(server.url);
  return { server, proxy, client: await connect(proxy, options), dir: scratchDirectory() };
}

/** Local files, with something that happens before the first call of that name is answered. */
function once<M extends 'open' | 'watch' | 'batch'>(
  method: M,
  meddle: (work: () => Promise<unknown>) => Promise<void>,
) {
  const local = new LocalFileSystem();
  let calls = 0;
  const meddled = async (...args: unknown[]) => {
    const work = () => Reflect.apply(local[method], local, args) as Promise<unknown>;
    if (calls++ > 0) return work();
    const result = work();
    await meddle(() => result);
    return result;
  };
  return { files: Object.assign(new LocalFileSystem(), { [method]: meddled }) as FileSystem, calls: () => calls };
}

describe('a connection that is cut', () => {
  test('leaves a file open, and blocks that were in flight are sent again', async () => {
    const { proxy, client, dir } = await throughProxy();
    const path = join(dir, 'f');
    const file = await client.files.open(path, { mode: 'update' });
    for (let i = 0; i < 20; i++) {
      const writing = [0, 1, 2, 3].map((j) => file.writeBlock((i * 4 + j) * 4, Buffer.from(`${i * 4 + j}`.padEnd(4))));
      if (i % 5 === 2) proxy.cutAll();
      await Promise.all(writing);
    }
    const expected = Array.from({ length: 80 }, (_, i) => `${i}`.padEnd(4)).join('');
    expect(readFileSync(path, 'utf8')).toBe(expected);
    const reading = file.readBlock(0, 1000);
    proxy.cutAll();
    expect(await reading).toEqual({ chunk: Buffer.from(expected), eof: true });
    await file.close();
  });

  test('while a file is being opened opens it once', async () => {
    let proxy!: CutProxy;
    const { files, calls } = once('open', async (work) => {
      await work();
      proxy.cutAll();
      await until(() => proxy.acceptedCount > 1);
    });
    const all = await throughProxy(files);
    proxy = all.proxy;
    const path = join(all.dir, 'f');
    writeFileSync(path, 'old');
    const file = await all.client.files.open(path, { mode: 'replace' });
    await file.writeBlock(0, Buffer.from('new'));
    await file.close();
    expect(calls()).toBe(1);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  test('while a watch begins begins it once', async () => {
    let proxy!: CutProxy;
    const { files, calls } = once('watch', async (work) => {
      await work();
      proxy.cutAll();
      await until(() => proxy.acceptedCount > 1);
    });
    const all = await throughProxy(files);
    proxy = all.proxy;
    const watcher = await all.client.files.watch(all.dir);
    writeFileSync(join(all.dir, 'f'), '');
    for await (const { changedPaths } of watcher) {
      expect(changedPaths).toEqual([join(all.dir, 'f')]);
      break;
    }
    expect(calls()).toBe(1);
  });

  test('loses no change: a watch goes on, and tells what happened meanwhile', async () => {
    const { proxy, client, dir } = await throughProxy();
    const watcher = await client.files.watch(dir);
    const seen = new Set<string>();
    const wanted = new Set<string>();
    const all = (async () => {
      for await (const { changedPaths } of watcher) {
        for (const path of changedPaths) seen.add(path);
        if (wanted.size === 5 && [...wanted].every((path) => seen.has(path))) break;
      }
    })();
    for (let i = 0; i < 5; i++) {
      const path = join(dir, `${i}`);
      wanted.add(path);
      proxy.refuseNew = true;
      proxy.cutAll();
      await until(() => client.state.status === 'recovering');
      writeFileSync(path, '');
      proxy.refuseNew = false;
      await until(() => client.state.status === 'connected');
    }
    await all;
    expect(seen).toEqual(wanted);
  });

  test('fails a batch that writes, and repeats one that only reads', async () => {
    let proxy!: CutProxy;
    const meddled = () =>
      once('batch', async (work) => {
        await work();
        proxy.cutAll();
        await until(() => proxy.acceptedCount > 1);
      });
    const run = async (operations: FileOperation[]) => {
      const { files } = meddled();
      const all = await throughProxy(files);
      proxy = all.proxy;
      return all.client.files.batch(operations);
    };
    const path = join(scratchDirectory(), 'f');
    const writing = run([{ op: 'writeFile', path, data: Buffer.from('x') }]);
    await expect(writing).rejects.toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
    expect(await run([{ op: 'readFile', path }])).toEqual([{ status: 'ok', value: Buffer.from('x') }]);
  });
});

describe('when the session is lost', () => {
  test('a watch throws what everything else is refused with, after what it had seen', async () => {
    const { server, client, dir } = await throughProxy();
    const watcher = await client.files.watch(dir);
    const next = watcher[Symbol.asyncIterator]();
    await server.close();
    await expect(next.next()).rejects.toMatchObject({ code: 'session_lost' });
    await expect(next.next()).rejects.toBe((client.state as { error?: Error }).error);
    await watcher.close();
  });

  test('an open file fails, and can be closed all the same', async () => {
    const { server, client, dir } = await throughProxy();
    writeFileSync(join(dir, 'f'), 'x');
    const file = await client.files.open(join(dir, 'f'));
    await server.close();
    await expect(file.readBlock(0, 1)).rejects.toMatchObject({ code: 'session_lost' });
    await file.close();
  });
});

describe('a watch', () => {
  test('that is left is ended on the server too', async () => {
    let closed = 0;
    const files = partialFiles({
      watch: async () => ({
        async *[Symbol.asyncIterator]() {
          yield { changedPaths: ['/a'], overflow: false };
        },
        close: async () => void closed++,
      }),
    });
    const { client } = await throughProxy(files);
    for await (const { changedPaths } of await client.files.watch('/')) {
      expect(changedPaths).toEqual(['/a']);
      break;
    }
    expect(closed).toBe(1);
    const watcher = await client.files.watch('/');
    await Promise.all([watcher.close(), watcher.close()]);
    expect(closed).toBe(2);
  });

  test('that fails on the server throws the reason here, and its end is told to the server', async () => {
    let closed = 0;
    const files = partialFiles({
      watch: async () => ({
        // biome-ignore lint/correctness/useYield: it fails before there is anything to see
        async *[Symbol.asyncIterator](): AsyncGenerator<never> {
          throw new WireError(ErrorCode.notFound, 'it is gone', { kind: 'not_found' });
        },
        close: async () => void closed++,
      }),
    });
    const { client } = await throughProxy(files);
    const watcher = await client.files.watch('/');
    await expect(watcher[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      kind: 'not_found',
      message: 'it is gone',
    });
    await until(() => closed === 1);
  });

  test('given up while it begins is ended', async () => {
    const begun = deferred<FileWatcher>();
    const { client, dir } = await throughProxy(partialFiles({ watch: () => begun.promise }));
    await expect(client.files.watch(dir, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
    const watcher = await new LocalFileSystem().watch(dir);
    let closed = false;
    begun.resolve({
      [Symbol.asyncIterator]: () => watcher[Symbol.asyncIterator](),
      close: async () => {
        await watcher.close();
        closed = true;
      },
    });
    await until(() => closed);
  });
});

test('opening that is given up leaves no file open', async () => {
  const opened = deferred<OpenFile>();
  let closed = false;
  const files = partialFiles({ open: () => opened.promise });
  const { client } = await throughProxy(files);
  await expect(client.files.open('/f', { timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
  opened.resolve({
    readBlock: () => Promise.reject(new Error('not in this test')),
    writeBlock: () => Promise.reject(new Error('not in this test')),
    close: async () => {
      closed = true;
    },
  });
  await until(() => closed);
});

test('a batch comes back with the values of each operation', async () => {
  const { client, dir } = await throughProxy();
  const path = join(dir, 'd/f');
  const results = await client.files.batch([
    { op: 'createDirectory', path: join(dir, 'd') },
    { op: 'writeFile', path, data: Buffer.from('x'), atomic: true },
    { op: 'readFile', path },
    { op: 'rename', source: path, destination: join(dir, 'd/g') },
    { op: 'getMetadata', path: join(dir, 'd/g') },
    { op: 'readDirectory', path: join(dir, 'd') },
    { op: 'readFile', path },
    { op: 'remove', path: join(dir, 'd') },
  ]);
  const done = { status: 'ok', value: undefined };
  expect(results).toEqual([
    done,
    done,
    { status: 'ok', value: Buffer.from('x') },
    done,
    { status: 'ok', value: expect.objectContaining({ isFile: true, size: 1 }) },
    { status: 'ok', value: [{ fileName: 'g', isDirectory: false, isFile: true }] },
    { status: 'failed', error: expect.any(WireError) },
    { status: 'skipped' },
  ]);
  expect(results[6]).toMatchObject({ error: { kind: 'not_found' } });
});

test('a batch that one message cannot carry is refused before anything is sent', async () => {
  const { client, dir } = await throughProxy();
  const half = Buffer.alloc(25 * 1024 * 1024);
  const write = (name: string): FileOperation => ({ op: 'writeFile', path: join(dir, name), data: half });
  await expect(client.files.batch([write('a'), write('b')])).rejects.toMatchObject({ kind: 'too_large' });
  const many = Array.from({ length: 1025 }, () => ({ op: 'getMetadata' as const, path: dir }));
  await expect(client.files.batch(many)).rejects.toMatchObject({ kind: 'too_large' });
  expect(await client.files.readDirectory(dir)).toEqual([]);
});

test('a directory of more entries than a request may hold values is read', async () => {
  const entry = (_: unknown, i: number) => ({ fileName: `${i}`, isDirectory: false, isFile: true });
  const listing = (length: number) => partialFiles({ readDirectory: async () => Array.from({ length }, entry) });
  const { client } = await throughProxy(listing(100_000));
  expect(await client.files.readDirectory('/')).toHaveLength(100_000);
  const { client: other } = await throughProxy(listing(1_200_000));
  await expect(other.files.readDirectory('/')).rejects.toMatchObject({ kind: 'too_large' });
});

describe('a sandbox', () => {
  const sandbox: SandboxContext = {
    permissions: {
      type: 'managed',
      fileSystem: { type: 'restricted', entries: [{ path: { type: 'path', path: '/a b' }, access: 'read' }] },
      network: 'restricted',
    },
    cwd: '/a b',
  };

  test.each([
    ['plain', {}, '/a b'],
    ['uri', { environmentInfo: SERVER_INFO }, 'file:///a%20b'],
  ])('goes out in the %s dialect', async (_dialect, answer, written) => {
    const server = new ScriptedServer({
      initialize: () => ({ sessionId: 's', ...answer }),
      'fs/readFile': () => ({ dataBase64: '' }),
    });
    await (await connect(server)).files.readFile('/a b/f', { sandbox });
    const entries = [{ path: { type: 'path', path: written }, access: 'read' }];
    expect(server.asked('fs/readFile')).toMatchObject([
      { sandbox: { permissions: { file_system: { entries } }, cwd: written, windowsSandboxLevel: 'disabled' } },
    ]);
  });

  test('is enforced by our server', async () => {
    const { client, dir } = await throughProxy();
    mkdirSync(join(dir, 'in'));
    const here: SandboxContext = {
      ...sandbox,
      permissions: {
        type: 'managed',
        fileSystem: {
          type: 'restricted',
          entries: [{ path: { type: 'path', path: join(dir, 'in') }, access: 'write' }],
        },
        network: 'restricted',
      },
    };
    await client.files.writeFile(join(dir, 'in/f'), Buffer.from('x'), { sandbox: here });
    const outside = client.files.writeFile(join(dir, 'f'), Buffer.from('x'), { sandbox: here });
    await expect(outside).rejects.toMatchObject({ kind: 'sandbox_denied' });
    await expect(client.files.open(join(dir, 'f'), { sandbox: here })).rejects.toMatchObject({
      kind: 'sandbox_denied',
    });
  });
});

describe('a server that lacks what is asked for', () => {
  const METADATA = { isDirectory: false, isFile: true, isSymlink: false, createdAtMs: 0, modifiedAtMs: 0 };
  const scripted = (answers: Answers = {}, answer: object = {}) =>
    new ScriptedServer({ initialize: () => ({ sessionId: 's', ...answer }), ...answers });

  test.each([
    ['canonicalize', (files: FileSystem) => files.canonicalize('/f')],
    ['walk', (files: FileSystem) => files.walk('/')],
    ['open', (files: FileSystem) => files.open('/f')],
    ['open for update', (files: FileSystem) => files.open('/f', { mode: 'update' })],
    ['watch', (files: FileSystem) => files.watch('/')],
    ['rename', (files: FileSystem) => files.rename('/a', '/b')],
    ['write atomically', (files: FileSystem) => files.writeFile('/f', Buffer.alloc(0), { atomic: true })],
    ['follow no links', (files: FileSystem) => files.readFile('/f', { followSymlinks: false })],
  ])('is not asked to do something else instead: %s', async (_name, operation) => {
    const server = scripted({ 'fs/writeFile': () => ({}), 'fs/readFile': () => ({ dataBase64: '' }) });
    const { files } = await connect(server);
    await expect(operation(files)).rejects.toMatchObject({ code: 'unsupported', mayHaveExecuted: false });
    expect([...server.asked('fs/writeFile'), ...server.asked('fs/readFile')]).toEqual([]);
  });

  test('is sent a batch one by one, in order, up to the first failure', async () => {
    const server = scripted({
      'fs/writeFile': () => ({}),
      'fs/readFile': ({ path }) => {
        if (path === '/none') throw new WireError(ErrorCode.notFound, 'none', { kind: 'not_found' });
        return { dataBase64: 'eA==' };
      },
      'fs/getMetadata': () => METADATA,
    });
    const { files } = await connect(server);
    const operations: FileOperation[] = [
      { op: 'writeFile', path: '/a', data: Buffer.from('x') },
      { op: 'readFile', path: '/a' },
      { op: 'readFile', path: '/none' },
      { op: 'getMetadata', path: '/a' },
    ];
    const [first, second, third, last] = await files.batch(operations);
    expect([first, second]).toEqual([
      { status: 'ok', value: undefined },
      { status: 'ok', value: Buffer.from('x') },
    ]);
    expect(third).toMatchObject({ status: 'failed', error: { code: -32004 } });
    expect(last).toEqual({ status: 'skipped' });
    const going = await files.batch(operations, { stopOnError: false });
    expect(going.at(-1)).toEqual({ status: 'ok', value: expect.objectContaining({ isFile: true, size: null }) });
    expect(server.calls.map(([method]) => method)).toEqual([
      'initialize',
      ...['fs/writeFile', 'fs/readFile', 'fs/readFile'],
      ...['fs/writeFile', 'fs/readFile', 'fs/readFile', 'fs/getMetadata'],
    ]);
  });

  test('is asked for the size before a file is read up to a limit, where it knows the size', async () => {
    const server = scripted({
      'fs/getMetadata': () => ({ ...METADATA, size: 100 }),
      'fs/readFile': () => ({ dataBase64: 'eHh4' }),
    });
    const { files } = await connect(server);
    await expect(files.readFile('/f', { maxBytes: 99 })).rejects.toMatchObject({ kind: 'too_large' });
    expect(server.asked('fs/readFile')).toEqual([]);
    expect((await files.readFile('/f', { maxBytes: 100 })).toString()).toBe('xxx');
    expect(server.asked('fs/readFile')).toEqual([{ path: '/f' }]);
  });

  test('and does not know the size has what it sends refused', async () => {
    const server = scripted({ 'fs/getMetadata': () => METADATA, 'fs/readFile': () => ({ dataBase64: 'eHh4' }) });
    const { files } = await connect(server);
    await expect(files.readFile('/f', { maxBytes: 2 })).rejects.toMatchObject({ kind: 'too_large' });
  });

  test('is not given a name that it could only take for another', async () => {
    const server = scripted({ 'fs/readFile': () => ({ dataBase64: '' }) });
    await expect((await connect(server)).files.readFile('file:///x%FF')).rejects.toMatchObject({ code: -32602 });
    expect(server.asked('fs/readFile')).toEqual([]);
  });
});

test('a file that a real server opened before the cut is not taken for a failure; one that empties files is not asked twice', async () => {
  let cut = true;
  const server = new ScriptedServer({
    initialize: () => ({ sessionId: 's', environmentInfo: SERVER_INFO }),
    'fs/open': ({ handleId }) => {
      if (!cut)
        throw new WireError(ErrorCode.invalidRequest, `file handle \`${handleId}\` already exists`, {
          kind: 'invalid_request',
        });
      cut = false;
      server.cut();
      return { handleId };
    },
    'fs/readBlock': () => ({ chunk: 'eA==', eof: true }),
    'fs/close': () => ({}),
  });
  const client = await connect(server);
  const file = await client.files.open('/f');
  expect(await file.readBlock(0, 10)).toEqual({ chunk: Buffer.from('x'), eof: true });
  cut = true;
  const opening = client.files.open('/f', { mode: 'replace' });
  await expect(opening).rejects.toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
  await until(() => server.asked('fs/close').length === 1);
});

test('the paths within a batch go out in the dialect of the server', async () => {
  const server = new ScriptedServer({
    initialize: () => ({ sessionId: 's', environmentInfo: { ...SERVER_INFO, capabilities: extensionCapabilities } }),
    'fs/batch': () => ({ results: [{ status: 'ok' }, { status: 'failed', error: { code: -32004, message: 'none' } }] }),
  });
  const { files } = await connect(server);
  const results = await files.batch([
    { op: 'remove', path: '/a b' },
    { op: 'copy', source: '/a b', destination: '/c d' },
  ]);
  expect(results).toMatchObject([{ status: 'ok' }, { status: 'failed', error: { kind: 'not_found' } }]);
  expect(server.asked('fs/batch')).toEqual([
    {
      operations: [
        { op: 'remove', path: 'file:///a%20b' },
        { op: 'copy', sourcePath: 'file:///a%20b', destinationPath: 'file:///c%20d' },
      ],
      stopOnError: true,
    },
  ]);
});

test('every extension of ours is used only where it is announced', async () => {
  const server = new ScriptedServer({
    initialize: () => ({ sessionId: 's', environmentInfo: { ...SERVER_INFO, capabilities: extensionCapabilities } }),
    'fs/writeFile': () => ({}),
    'fs/readFile': () => ({ dataBase64: '' }),
    'fs/rename': () => ({}),
  });
  const { files } = await connect(server);
  await files.writeFile('/f', Buffer.alloc(0), { atomic: true, followSymlinks: false });
  await files.readFile('/f', { maxBytes: 7 });
  await files.rename('/a', '/b', { overwrite: true });
  expect(server.calls.slice(1)).toEqual([
    ['fs/writeFile', { path: 'file:///f', dataBase64: '', atomic: true, followSymlinks: false }],
    ['fs/readFile', { path: 'file:///f', maxBytes: 7 }],
    ['fs/rename', { sourcePath: 'file:///a', destinationPath: 'file:///b', overwrite: true }],
  ]);
});
