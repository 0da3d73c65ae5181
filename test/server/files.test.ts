import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ExecServerClient } from '../../src/client/index.js';
import { RemoteEnvironment } from '../../src/environment/index.js';
import { LocalFileSystem } from '../../src/files/local/local-file-system.js';
import { MAX_OPEN_FILES } from '../../src/server/limits.js';
import { atEnd, partialFiles, RawClient, scratchDirectory, startInProcess, until } from '../harness/index.js';

const MIB = 1024 * 1024;
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A client, a directory of its own, and how its paths are written in a dialect. */
async function begin(dialect: 'plain' | 'uri' = 'plain') {
  const server = await startInProcess();
  const dir = scratchDirectory();
  const at = (name: string) => (dialect === 'uri' ? pathToFileURL(join(dir, name)).href : join(dir, name));
  return { server, client: await RawClient.open(server.url), dir, at };
}

describe.each(['plain', 'uri'] as const)('in the %s dialect', (dialect) => {
  test('fs/canonicalize resolves links, and what is not there is not found', async () => {
    const { client, dir, at } = await begin(dialect);
    mkdirSync(join(dir, 'a dir'));
    writeFileSync(join(dir, 'a dir/f'), '');
    symlinkSync('a dir', join(dir, 'link'));
    symlinkSync('none', join(dir, 'dangling'));
    expect(await client.result('fs/canonicalize', { path: at('link/f') })).toEqual({ path: at('a dir/f') });
    for (const name of ['none', 'dangling']) {
      expect(await client.request('fs/canonicalize', { path: at(name) })).toMatchObject({ error: { code: -32004 } });
    }
  });

  test('fs/walk lists breadth first, by name, and says when there is more', async () => {
    const { client, dir, at } = await begin(dialect);
    mkdirSync(join(dir, 'd/e'), { recursive: true });
    for (const name of ['a', 'd/f', 'd/e/g']) writeFileSync(join(dir, name), '');
    const walk = (options?: object) => client.result('fs/walk', { path: at('.'), options });
    const entries = [
      { path: at('a'), kind: 'file' },
      { path: at('d'), kind: 'directory' },
      { path: at('d/e'), kind: 'directory' },
      { path: at('d/f'), kind: 'file' },
      { path: at('d/e/g'), kind: 'file' },
    ];
    expect(await walk()).toEqual({ entries, errors: [], truncated: false });
    expect(await walk({ maxDepth: 0 })).toEqual({ entries: entries.slice(0, 2), errors: [], truncated: false });
    expect(await walk({ maxEntries: 2 })).toEqual({ entries: entries.slice(0, 2), errors: [], truncated: true });
  });

  test('fs/changed names what a watch saw', async () => {
    const { client, dir, at } = await begin(dialect);
    expect(await client.result('fs/watch', { watchId: 'w', path: at('.') })).toEqual({
      path: at('.').replace(/\/\.?$/, ''),
    });
    writeFileSync(join(dir, 'new file'), '');
    const { params } = await client.waitFor(({ method }) => method === 'fs/changed');
    expect(params).toEqual({ watchId: 'w', changedPaths: [at('new file')], overflow: false });
  });

  test('a name that is not UTF-8 survives as a URI', async () => {
    const { client, dir } = await begin(dialect);
    writeFileSync(Buffer.concat([Buffer.from(`${dir}/x`), Buffer.from([0xff])]), 'content');
    const uri = `${pathToFileURL(dir).href}/x%FF`;
    expect(await client.result('fs/readFile', { path: uri })).toEqual({ dataBase64: base64('content') });
    expect(await client.result('fs/canonicalize', { path: uri })).toEqual({ path: uri });
    if (dialect === 'uri') {
      const { entries } = await client.result('fs/walk', { path: pathToFileURL(dir).href });
      expect(entries).toEqual([{ path: uri, kind: 'file' }]);
    }
  });
});

describe('open files', () => {
  test('are read in blocks; eof is told by the read that comes up short', async () => {
    const { client, at, dir } = await begin();
    writeFileSync(join(dir, 'f'), 'abcdef');
    expect(await client.result('fs/open', { handleId: 'h', path: at('f') })).toEqual({ handleId: 'h' });
    const block = (offset: number, len: number) => client.result('fs/readBlock', { handleId: 'h', offset, len });
    expect(await block(0, 3)).toEqual({ chunk: base64('abc'), eof: false });
    expect(await block(3, 3)).toEqual({ chunk: base64('def'), eof: false });
    expect(await block(4, 3)).toEqual({ chunk: base64('ef'), eof: true });
    expect(await block(9, 3)).toEqual({ chunk: '', eof: true });
    expect(await client.result('fs/close', { handleId: 'h' })).toEqual({});
    expect(await client.result('fs/close', { handleId: 'h' })).toEqual({});
  });

  test('replace empties at once, update keeps what is there; blocks go where they are told', async () => {
    const { client, at, dir } = await begin();
    writeFileSync(join(dir, 'f'), 'old-content', { mode: 0o640 });
    await client.result('fs/open', { handleId: 'u', path: at('f'), mode: 'update' });
    await client.result('fs/writeBlock', { handleId: 'u', offset: 4, chunk: base64('CON') });
    expect(readFileSync(join(dir, 'f'), 'utf8')).toBe('old-CONtent');
    await client.result('fs/open', { handleId: 'r', path: at('f'), mode: 'replace' });
    expect(readFileSync(join(dir, 'f'), 'utf8')).toBe('');
    expect(statSync(join(dir, 'f')).mode & 0o777).toBe(0o640);
    await client.result('fs/open', { handleId: 'n', path: at('new'), mode: 'update' });
    expect(existsSync(join(dir, 'new'))).toBe(true);
  });

  test('are refused as the real server refuses them', async () => {
    const { client, at, dir } = await begin();
    writeFileSync(join(dir, 'f'), 'x');
    const refused = async (method: string, params: object) => (await client.request(method, params)).error;
    expect(await refused('fs/open', { handleId: 'h', path: at('none') })).toMatchObject({ code: -32004 });
    expect(await refused('fs/open', { handleId: 'h', path: dir })).toMatchObject({
      code: -32600,
      message: `path \`${dir}\` is not a file`,
    });
    expect(await refused('fs/open', { handleId: 'h', path: at('f'), mode: 'append' })).toMatchObject({ code: -32602 });
    await client.result('fs/open', { handleId: 'h', path: at('f') });
    expect(await refused('fs/open', { handleId: 'h', path: at('f') })).toMatchObject({
      code: -32600,
      message: 'file handle `h` already exists',
    });
    for (const len of [0, MIB + 1]) {
      expect(await refused('fs/readBlock', { handleId: 'h', offset: 0, len })).toMatchObject({
        code: -32600,
        message: 'file read block length must be between 1 and 1048576',
      });
    }
    expect(await refused('fs/readBlock', { handleId: 'x', offset: 0, len: 1 })).toMatchObject({
      code: -32004,
      message: 'unknown file handle `x`',
    });
    const chunk = Buffer.alloc(MIB + 1).toString('base64');
    expect(await refused('fs/writeBlock', { handleId: 'h', offset: 0, chunk })).toMatchObject({
      code: -32600,
      message: 'file write block length must be between 1 and 1048576',
    });
  });

  test('belong to the session: another connection goes on with them, another session does not see them', async () => {
    const { server, client, at, dir } = await begin();
    writeFileSync(join(dir, 'f'), 'abc');
    await client.result('fs/open', { handleId: 'h', path: at('f') });
    const stranger = await RawClient.open(server.url);
    const block = { handleId: 'h', offset: 0, len: 3 };
    expect((await stranger.request('fs/readBlock', block)).error).toMatchObject({ code: -32004 });
    client.cut();
    await client.closed;
    const again = await RawClient.open(server.url, { resumeSessionId: client.sessionId });
    expect(await again.result('fs/readBlock', block)).toEqual({ chunk: base64('abc'), eof: false });
  });

  test('are closed with the session, and bounded', async () => {
    let open = 0;
    const files = partialFiles({
      open: async () => {
        open++;
        return {
          readBlock: async () => ({ chunk: Buffer.alloc(0), eof: true }),
          writeBlock: async () => undefined,
          close: async () => void open--,
        };
      },
    });
    const server = await startInProcess({ files, sessionTtlMs: 1 });
    const client = await RawClient.open(server.url);
    const opening = Array.from({ length: MAX_OPEN_FILES + 1 }, (_, i) =>
      client.request('fs/open', { handleId: String(i), path: '/f' }),
    );
    const last = (await Promise.all(opening)).at(-1);
    expect(last?.error).toMatchObject({ code: -32600, data: { kind: 'limit_reached' } });
    expect(open).toBe(MAX_OPEN_FILES);
    client.cut();
    await until(() => open === 0);
  });
});

test('blocks that a client does not take are not read ahead for it', async () => {
  const BLOCKS = 60;
  let reads = 0;
  const file = {
    readBlock: async () => {
      reads++;
      return { chunk: Buffer.alloc(MIB), eof: false };
    },
    writeBlock: () => Promise.reject(new Error('not in this test')),
    close: async () => undefined,
  };
  const server = await startInProcess({ files: partialFiles({ open: async () => file }) });
  const [client, other] = await Promise.all([RawClient.open(server.url), RawClient.open(server.url)]);
  await client.result('fs/open', { handleId: 'h', path: '/f' });
  client.pause();
  const blocks = Array.from({ length: BLOCKS }, (_, i) =>
    client.request('fs/readBlock', { handleId: 'h', offset: i * MIB, len: MIB }),
  );
  await until(() => reads > 0);
  for (let i = 0; i < 20; i++) await other.result('environment/status', {});
  expect(reads).toBeLessThan(BLOCKS / 2);
  client.resume();
  expect(await Promise.all(blocks)).toHaveLength(BLOCKS);
  expect(reads).toBe(BLOCKS);
});

test('in front of another server, files are open, watched and changed in batches over there', async () => {
  const inner = await startInProcess();
  const environment = new RemoteEnvironment({ id: 'inner', url: inner.url });
  atEnd(() => environment.close());
  const server = await startInProcess({ processes: environment.processes, files: environment.files });
  const client = await RawClient.open(server.url);
  const dir = scratchDirectory();
  await client.result('fs/watch', { watchId: 'w', path: dir });
  const path = join(dir, 'f');
  const operations = [
    { op: 'writeFile', path, dataBase64: base64('abc') },
    { op: 'readFile', path },
    { op: 'readFile', path: join(dir, 'none') },
  ];
  expect(await client.result('fs/batch', { operations })).toMatchObject({
    results: [{ status: 'ok' }, { value: { dataBase64: base64('abc') } }, { error: { data: { kind: 'not_found' } } }],
  });
  const { params } = await client.waitFor(({ method }) => method === 'fs/changed');
  expect(params).toMatchObject({ watchId: 'w', changedPaths: [path] });
  await client.result('fs/open', { handleId: 'h', path });
  expect(await client.result('fs/readBlock', { handleId: 'h', offset: 1, len: 9 })).toEqual({
    chunk: base64('bc'),
    eof: true,
  });
});

describe('a watch', () => {
  test('tells another connection of the same session what happened without one', async () => {
    const { server, client, dir, at } = await begin();
    await client.result('fs/watch', { watchId: 'w', path: dir });
    client.cut();
    await client.closed;
    writeFileSync(at('meanwhile'), '');
    const again = await RawClient.open(server.url, { resumeSessionId: client.sessionId });
    const changed = await again.waitFor(({ method }) => method === 'fs/changed');
    expect(changed.params?.changedPaths).toContain(at('meanwhile'));
  });

  test('is over with fs/unwatch; an id in use is refused, an unknown one is fine', async () => {
    const { client, dir, at } = await begin();
    const watch = { watchId: 'w', path: dir };
    await client.result('fs/watch', watch);
    expect((await client.request('fs/watch', watch)).error).toMatchObject({ data: { kind: 'watch_exists' } });
    expect(await client.result('fs/unwatch', { watchId: 'w' })).toEqual({});
    expect(await client.result('fs/unwatch', { watchId: 'w' })).toEqual({});
    await client.result('fs/watch', { watchId: 'other', path: dir });
    writeFileSync(at('late'), '');
    const { params } = await client.waitFor(({ method }) => method === 'fs/changed');
    expect(params).toMatchObject({ watchId: 'other' });
    expect(client.messages.filter(({ params: p }) => p?.watchId === 'w')).toEqual([]);
  });

  test('of what is not there is not found', async () => {
    const { client, at } = await begin();
    expect((await client.request('fs/watch', { watchId: 'w', path: at('none') })).error).toMatchObject({
      code: -32004,
    });
  });
});

describe('fs/batch', () => {
  test('does what it is told in order, with the result of each', async () => {
    const { client, dir, at } = await begin('uri');
    const operations = [
      { op: 'createDirectory', path: at('d/e') },
      { op: 'writeFile', path: at('d/f'), dataBase64: base64('one') },
      { op: 'readFile', path: at('d/f') },
      { op: 'copy', sourcePath: at('d/f'), destinationPath: at('d/g') },
      { op: 'rename', sourcePath: at('d/f'), destinationPath: at('d/h') },
      { op: 'getMetadata', path: at('d/h') },
      { op: 'readDirectory', path: at('d/e') },
      { op: 'remove', path: at('d/g') },
    ];
    const { results } = await client.result('fs/batch', { operations });
    expect(results).toEqual([
      { status: 'ok' },
      { status: 'ok' },
      { status: 'ok', value: { dataBase64: base64('one') } },
      { status: 'ok' },
      { status: 'ok' },
      { status: 'ok', value: expect.objectContaining({ isFile: true, size: 3 }) },
      { status: 'ok', value: { entries: [] } },
      { status: 'ok' },
    ]);
    expect(readFileSync(join(dir, 'd/h'), 'utf8')).toBe('one');
    expect(existsSync(join(dir, 'd/g'))).toBe(false);
  });

  test('a failure says why and where, and what follows it is skipped unless it is told to go on', async () => {
    const { client, dir, at } = await begin();
    const operations = [
      { op: 'readFile', path: at('none') },
      { op: 'writeFile', path: at('f'), dataBase64: '' },
    ];
    const error = { code: -32004, data: { kind: 'not_found', path: at('none') } };
    expect(await client.result('fs/batch', { operations })).toMatchObject({
      results: [{ status: 'failed', error }, { status: 'skipped' }],
    });
    expect(existsSync(join(dir, 'f'))).toBe(false);
    expect(await client.result('fs/batch', { operations, stopOnError: false })).toMatchObject({
      results: [{ status: 'failed', error }, { status: 'ok' }],
    });
    expect(existsSync(join(dir, 'f'))).toBe(true);
  });

  test('one that cannot be read does nothing at all', async () => {
    const { client, dir, at } = await begin();
    for (const bad of [{ op: 'chmod', path: at('f') }, { op: 'readFile', path: 'relative' }, { op: 'remove' }]) {
      const operations = [{ op: 'writeFile', path: at('f'), dataBase64: '' }, bad];
      expect((await client.request('fs/batch', { operations })).error).toMatchObject({ code: -32602 });
    }
    const operations = [
      { op: 'createDirectory', path: at('d') },
      { op: 'writeFile', path: at('f'), dataBase64: '!' },
    ];
    expect((await client.request('fs/batch', { operations })).error).toMatchObject({ code: -32600 });
    expect(existsSync(join(dir, 'd'))).toBe(false);
  });
});

test('fs/readFile reads up to maxBytes, and refuses more before it reads', async () => {
  const { client, dir, at } = await begin();
  writeFileSync(join(dir, 'f'), '12345');
  expect(await client.result('fs/readFile', { path: at('f'), maxBytes: 5 })).toEqual({ dataBase64: base64('12345') });
  expect((await client.request('fs/readFile', { path: at('f'), maxBytes: 4 })).error).toMatchObject({
    code: -32600,
    message: 'file is too large to read: limit is 4 bytes',
    data: { kind: 'too_large' },
  });
});

test('fs/writeFile replaces atomically: whoever has the old one open keeps it', async () => {
  const { client, dir, at } = await begin();
  writeFileSync(join(dir, 'f'), 'old', { mode: 0o600 });
  const before = statSync(join(dir, 'f')).ino;
  await client.result('fs/writeFile', { path: at('f'), dataBase64: base64('new'), atomic: true });
  expect(readFileSync(join(dir, 'f'), 'utf8')).toBe('new');
  expect(statSync(join(dir, 'f'))).toMatchObject({ mode: 0o100600 });
  expect(statSync(join(dir, 'f')).ino).not.toBe(before);
});

test('fs/rename moves, and replaces only when told to', async () => {
  const { client, dir, at } = await begin();
  for (const name of ['a', 'b']) writeFileSync(join(dir, name), name);
  const ends = { sourcePath: at('a'), destinationPath: at('b') };
  expect((await client.request('fs/rename', ends)).error).toMatchObject({ code: -32603, message: /File exists/ });
  expect(readFileSync(join(dir, 'b'), 'utf8')).toBe('b');
  expect(await client.result('fs/rename', { ...ends, overwrite: true })).toEqual({});
  expect(readFileSync(join(dir, 'b'), 'utf8')).toBe('a');
});

test('followSymlinks: false refuses a link in any component', async () => {
  const { client, dir, at } = await begin();
  mkdirSync(join(dir, 'd'));
  writeFileSync(join(dir, 'd/f'), 'x');
  symlinkSync('d', join(dir, 'l'));
  const error = { code: -32600, data: { kind: 'symlink_refused' } };
  const path = at('l/f');
  const requests: [string, object][] = [
    ['fs/readFile', { path }],
    ['fs/writeFile', { path, dataBase64: '' }],
    ['fs/getMetadata', { path }],
    ['fs/open', { handleId: 'h', path }],
    ['fs/canonicalize', { path }],
    ['fs/walk', { path: at('l') }],
    ['fs/readDirectory', { path: at('l') }],
    ['fs/remove', { path }],
    ['fs/copy', { sourcePath: path, destinationPath: at('copy'), recursive: false }],
    ['fs/rename', { sourcePath: path, destinationPath: at('moved') }],
    ['fs/watch', { watchId: 'w', path: at('l') }],
  ];
  for (const [method, params] of requests) {
    expect(await client.request(method, { ...params, followSymlinks: false }), method).toMatchObject({ error });
  }
  const batch = { operations: [{ op: 'readFile', path }], followSymlinks: false };
  expect(await client.result('fs/batch', batch)).toMatchObject({ results: [{ status: 'failed', error }] });
  expect(readFileSync(join(dir, 'd/f'), 'utf8')).toBe('x');
});

test('a directory of 100,000 entries is listed', async () => {
  const dir = scratchDirectory();
  for (let i = 0; i < 100_000; i++) closeSync(openSync(join(dir, `f${i}`), 'w'));
  await using client = await ExecServerClient.connect({ url: (await startInProcess()).url });
  const names = (await client.files.readDirectory(dir)).map(({ fileName }) => fileName);
  expect(new Set(names).size).toBe(100_000);
});

test('a directory of more entries than a message carries is refused, and the connection lives', async () => {
  const name = 'x'.repeat(200);
  const entries = Array.from({ length: 300_000 }, (_, i) => ({
    fileName: name + i,
    isDirectory: false,
    isFile: true,
  }));
  const server = await startInProcess({ files: partialFiles({ readDirectory: async () => entries }) });
  const client = await RawClient.open(server.url);
  expect((await client.request('fs/readDirectory', { path: '/' })).error).toMatchObject({
    code: -32600,
    message: /300000 entries/,
    data: { kind: 'too_large' },
  });
});

describe('where the size of a file is not known', () => {
  const local = new LocalFileSystem();
  const files = partialFiles({
    getMetadata: async (path) => ({ ...(await local.getMetadata(path)), size: null }),
    readFile: (path, options) => local.readFile(path, options),
  });

  test('clients of the newer dialect, who take no answer without it, get it all the same', async () => {
    const client = await RawClient.open((await startInProcess({ files })).url);
    const dir = scratchDirectory();
    writeFileSync(join(dir, 'f'), '12345');
    expect(await client.result('fs/getMetadata', { path: pathToFileURL(join(dir, 'f')).href })).toMatchObject({
      size: 5,
    });
    expect(await client.result('fs/getMetadata', { path: pathToFileURL(dir).href })).toMatchObject({ size: 0 });
  });

  test('the others are not told one', async () => {
    const client = await RawClient.open((await startInProcess({ files })).url);
    expect(await client.result('fs/getMetadata', { path: '/etc/passwd' })).not.toHaveProperty('size');
  });
});

test('what the file system is not given is not announced', async () => {
  const announced = async (options: object) => {
    const client = await RawClient.connect((await startInProcess(options)).url);
    const { capabilities } = await client.result('initialize', { clientName: 'c' });
    return Object.keys(capabilities as object).filter((name) => name.startsWith('fs'));
  };
  expect(await announced({})).toContain('fsBatch');
  expect(await announced({ files: null })).toEqual([]);
});
