import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createAppServer } from '../../src/app/index.js';
import { EnvironmentManager } from '../../src/environment/index.js';
import { atEnd, RawClient, scratchDirectory, startInProcess, until, type WireMessage } from '../harness/index.js';

const HOST = fileURLToPath(new URL('stdio-host.mjs', import.meta.url));

interface Opened {
  client: RawClient;
  /** Leaves as a host does, and resolves when the other side has noticed and ended. */
  hangUp(): Promise<unknown>;
}

/** Environments `local`, the default, and `far`, which is behind an exec-server. */
async function manager(url: string): Promise<EnvironmentManager> {
  const environments = new EnvironmentManager({ environments: [{ id: 'far', url }], default: 'local' });
  atEnd(() => environments.close());
  return environments;
}

async function overWebSocket(): Promise<Opened> {
  const { url } = await startInProcess();
  const running = await createAppServer({ environments: await manager(url) });
  atEnd(() => running.close());
  const client = await RawClient.connect(running.urls[0] ?? '');
  const hangUp = async () => {
    await client.close();
    await until(() => running.server.connectionCount === 0, { what: 'the end of the connection' });
  };
  return { client, hangUp };
}

async function overStdio(): Promise<Opened> {
  const { url } = await startInProcess();
  const host = spawn(process.execPath, [HOST, url], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(host, 'exit');
  atEnd(async () => {
    host.kill('SIGKILL');
    await exited;
  });
  const client = RawClient.overLines(host.stdout, host.stdin);
  return {
    client,
    hangUp: async () => {
      host.stdin.end();
      expect(await exited).toEqual([0, null]);
    },
  };
}

async function initialized(opened: Promise<Opened>): Promise<Opened> {
  const { client, hangUp } = await opened;
  await client.result('initialize', { clientInfo: { name: 'test', version: '1' } });
  client.notify('initialized');
  return { client, hangUp };
}

function changedPaths(watchId: string, messages: readonly WireMessage[]): unknown[] {
  return messages
    .filter(({ method, params }) => method === 'fs/changed' && params?.watchId === watchId)
    .flatMap(({ params }) => params?.changedPaths);
}

const hasChanged = (watchId: string, path: string) => (message: WireMessage) =>
  changedPaths(watchId, [message]).includes(path);

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe.each([
  ['WebSocket', overWebSocket],
  ['stdio', overStdio],
])('over %s', (_transport, open) => {
  test('initialize answers as an app-server does, and only once', async () => {
    const { client } = await open();
    expect((await client.request('fs/getMetadata', { path: '/' })).error).toMatchObject({
      code: -32600,
      message: expect.stringContaining('Not initialized'),
      data: { kind: 'not_initialized' },
    });
    const answer = await client.result('initialize', { clientInfo: { name: 'test', version: '1' } });
    expect(answer).toMatchObject({ userAgent: expect.stringContaining('test/'), platformFamily: 'unix' });
    const again = await client.request('initialize', { clientInfo: { name: 'test', version: '1' } });
    expect(again.error).toMatchObject({ code: -32600, data: { kind: 'already_initialized' } });
    // As with app-servers, `initialized` is not waited for, and other notifications are nobody's business here.
    client.notify('something/else', {});
    expect(await client.result('fs/getMetadata', { path: '/' })).toMatchObject({ isDirectory: true });
  });

  test('what the host leaves open ends with the host', async () => {
    const { client, hangUp } = await initialized(open());
    await client.result('fs/watch', { watchId: 'w', path: scratchDirectory() });
    await hangUp();
  });

  describe.each([
    ['the default environment', {}],
    ['an environment behind an exec-server', { environmentId: 'far' }],
  ])('in %s', (_where, where) => {
    test('files are written, read, listed, copied and removed', async () => {
      const { client } = await initialized(open());
      const at = scratchDirectory();
      const call = (method: string, params: object) => client.result(method, { ...params, ...where });
      await call('fs/createDirectory', { path: join(at, 'a/b') });
      await call('fs/writeFile', { path: join(at, 'a/f'), dataBase64: base64('hello') });
      expect(await call('fs/readFile', { path: join(at, 'a/f') })).toEqual({ dataBase64: base64('hello') });
      expect(await call('fs/getMetadata', { path: join(at, 'a/f') })).toMatchObject({ isFile: true, size: 5 });
      const { entries } = await call('fs/readDirectory', { path: join(at, 'a') });
      expect(entries).toEqual(
        expect.arrayContaining([
          { fileName: 'b', isDirectory: true, isFile: false },
          { fileName: 'f', isDirectory: false, isFile: true },
        ]),
      );
      await call('fs/copy', { sourcePath: join(at, 'a'), destinationPath: join(at, 'c'), recursive: true });
      await call('fs/rename', { sourcePath: join(at, 'c/f'), destinationPath: join(at, 'c/g') });
      expect(readFileSync(join(at, 'c/g'), 'utf8')).toBe('hello');
      await call('fs/remove', { path: join(at, 'a') });
      expect(existsSync(join(at, 'a'))).toBe(false);
      symlinkSync(join(at, 'c'), join(at, 'link'));
      expect(await call('fs/canonicalize', { path: join(at, 'link/g') })).toEqual({ path: join(at, 'c/g') });
      expect(await call('fs/walk', { path: join(at, 'c') })).toMatchObject({ truncated: false });
    });

    test('what is left out is as in an app-server', async () => {
      const { client } = await initialized(open());
      const at = scratchDirectory();
      const call = (method: string, params: object) => client.request(method, { ...params, ...where });
      mkdirSync(join(at, 'd'));
      writeFileSync(join(at, 'd/f'), '');
      expect(await call('fs/createDirectory', { path: join(at, 'x/y') })).toHaveProperty('result', {});
      const copy = { sourcePath: join(at, 'd'), destinationPath: join(at, 'e') };
      expect((await call('fs/copy', copy)).error?.message).toContain('requires recursive: true');
      const file = { sourcePath: join(at, 'd/f'), destinationPath: join(at, 'g') };
      expect(await call('fs/copy', file)).toHaveProperty('result', {});
      expect(await call('fs/remove', { path: join(at, 'nothing') })).toHaveProperty('result', {});
      expect((await call('fs/remove', { path: join(at, 'nothing'), force: false })).error?.data?.kind).toBe(
        'not_found',
      );
      expect((await call('fs/remove', { path: join(at, 'd'), recursive: false })).error).toBeDefined();
      expect(await call('fs/remove', { path: join(at, 'd') })).toHaveProperty('result', {});
    });

    test('several operations go in one request', async () => {
      const { client } = await initialized(open());
      const path = join(scratchDirectory(), 'f');
      const { results } = await client.result('fs/batch', {
        operations: [
          { op: 'writeFile', path, dataBase64: base64('x') },
          { op: 'readFile', path },
          { op: 'readFile', path: `${path}.none` },
          { op: 'remove', path },
        ],
        ...where,
      });
      expect(results).toMatchObject([
        { status: 'ok' },
        { status: 'ok', value: { dataBase64: base64('x') } },
        { status: 'failed', error: { code: -32004, data: { kind: 'not_found' } } },
        { status: 'skipped' },
      ]);
    });

    test('a policy is enforced, and its refusals look like refusals', async () => {
      const { client } = await initialized(open());
      const at = scratchDirectory();
      mkdirSync(join(at, 'in'));
      writeFileSync(join(at, 'out'), 'kept');
      const sandboxPolicy = {
        type: 'workspace-write',
        writableRoots: [join(at, 'in')],
        excludeTmpdirEnvVar: true,
        excludeSlashTmp: true,
      };
      const write = (path: string, policy: object) =>
        client.request('fs/writeFile', { path, dataBase64: base64('new'), ...policy, ...where });
      expect(await write(join(at, 'in/f'), { sandboxPolicy })).toHaveProperty('result', {});
      const denied = { code: -32600, data: { kind: 'sandbox_denied' } };
      expect((await write(join(at, 'out'), { sandboxPolicy })).error).toMatchObject(denied);
      expect((await write(join(at, 'in/../out'), { sandboxPolicy })).error).toMatchObject(denied);
      symlinkSync(join(at, 'out'), join(at, 'in/link'));
      expect((await write(join(at, 'in/link'), { sandboxPolicy })).error).toMatchObject(denied);
      expect((await write(join(at, 'in/f'), { sandboxPolicy: { type: 'read-only' } })).error).toMatchObject(denied);
      expect(readFileSync(join(at, 'out'), 'utf8')).toBe('kept');

      const sandbox = {
        permissions: {
          type: 'managed',
          file_system: {
            type: 'restricted',
            entries: [{ path: { type: 'path', path: join(at, 'in') }, access: 'read' }],
          },
          network: 'restricted',
        },
        cwd: at,
        windowsSandboxLevel: 'disabled',
      };
      const read = (path: string) => client.request('fs/readFile', { path, sandbox, ...where });
      expect(await read(join(at, 'in/f'))).toHaveProperty('result.dataBase64', base64('new'));
      expect((await read(join(at, 'out'))).error).toMatchObject(denied);
      expect((await read(join(at, 'in/link'))).error).toMatchObject(denied);
      const watch = await client.request('fs/watch', { watchId: 'w', path: join(at, 'out'), sandbox, ...where });
      expect(watch.error).toMatchObject(denied);
      const hidden = await client.request('fs/watch', { watchId: 'w', path: join(at, 'gone'), sandbox, ...where });
      expect(hidden.error).toMatchObject(denied);
    });

    test('a policy that is none is refused, and nothing is done', async () => {
      const { client } = await initialized(open());
      const path = join(scratchDirectory(), 'f');
      const params = { path, dataBase64: base64('x'), ...where };
      const { error } = await client.request('fs/writeFile', { ...params, sandboxPolicy: { type: 'lax' } });
      expect(error).toMatchObject({ code: -32602, message: expect.stringContaining('read-only') });
      expect(existsSync(path)).toBe(false);
    });

    test('a watch tells of changes until it is ended', async () => {
      const { client } = await initialized(open());
      const at = scratchDirectory();
      expect(await client.result('fs/watch', { watchId: 'w', path: at, ...where })).toEqual({ path: at });
      const taken = await client.request('fs/watch', { watchId: 'w', path: at, ...where });
      expect(taken.error).toMatchObject({ code: -32600, data: { kind: 'watch_exists' } });
      writeFileSync(join(at, 'first'), '');
      await client.waitFor(hasChanged('w', join(at, 'first')));
      expect(await client.result('fs/unwatch', { watchId: 'w' })).toEqual({});
      expect(await client.result('fs/unwatch', { watchId: 'nobody has this' })).toEqual({});

      // The id is free again, and paths are told in the words of whoever asked.
      const uri = pathToFileURL(at).href;
      expect(await client.result('fs/watch', { watchId: 'other', path: uri, ...where })).toEqual({ path: uri });
      writeFileSync(join(at, 'second'), '');
      await client.waitFor(hasChanged('other', `${uri}/second`));
      expect(changedPaths('w', client.messages)).not.toContain(join(at, 'second'));
    });

    test('a watch may be set where nothing is yet', async () => {
      const { client } = await initialized(open());
      const at = scratchDirectory();
      const path = join(at, 'a/b');
      expect(await client.result('fs/watch', { watchId: 'w', path, ...where })).toEqual({ path });
      mkdirSync(path, { recursive: true });
      await client.waitFor(hasChanged('w', path));
      writeFileSync(join(path, 'f'), '');
      await client.waitFor(hasChanged('w', join(path, 'f')));
      await client.result('fs/unwatch', { watchId: 'w' });
      // Nor does one that still waits keep anything.
      await client.result('fs/watch', { watchId: 'w', path: join(at, 'never'), ...where });
      await client.result('fs/unwatch', { watchId: 'w' });
    });
  });

  test('an environment that nobody knows is refused with those that are known', async () => {
    const { client } = await initialized(open());
    const { error } = await client.request('fs/readFile', { path: '/etc/hosts', environmentId: 'nope' });
    expect(error).toMatchObject({
      code: -32600,
      message: expect.stringContaining('unknown environment `nope`'),
      data: { kind: 'unknown_environment', environmentId: 'nope', knownIds: ['local', 'far'] },
    });
  });

  test('what is no request of this surface is refused with what is', async () => {
    const { client } = await initialized(open());
    expect((await client.request('thread/start', {})).error).toMatchObject({
      code: -32601,
      message: expect.stringContaining('fs/readFile'),
      data: { kind: 'unknown_method' },
    });
    expect((await client.request('fs/readFile', {})).error).toMatchObject({
      code: -32602,
      message: expect.stringContaining('path'),
    });
    expect((await client.request('fs/readFile', { path: 'relative' })).error).toMatchObject({ code: -32602 });
  });
});

test('an environment that cannot be reached is an error that may be tried again', async () => {
  const behind = await startInProcess();
  await behind.close();
  const running = await createAppServer({ environments: await manager(behind.url) });
  atEnd(() => running.close());
  const client = await RawClient.connect(running.urls[0] ?? '');
  await client.result('initialize', { clientInfo: { name: 'test' } });
  const { error } = await client.request('fs/readFile', { path: '/etc/hosts', environmentId: 'far' });
  expect(error).toMatchObject({
    code: -32603,
    message: expect.stringContaining('`far` could not be reached'),
    data: { kind: 'environment_unreachable', environmentId: 'far', retryable: true, mayHaveExecuted: false },
  });
});

test('without a default environment, whoever names none is told so', async () => {
  const environments = new EnvironmentManager({ default: 'none' });
  atEnd(() => environments.close());
  const running = await createAppServer({ environments });
  atEnd(() => running.close());
  const client = await RawClient.connect(running.urls[0] ?? '');
  await client.result('initialize', { clientInfo: { name: 'test' } });
  const { error } = await client.request('fs/readFile', { path: '/etc/hosts' });
  expect(error).toMatchObject({ data: { kind: 'no_default_environment' } });
});

test('closing ends the connections and leaves the environments', async () => {
  const environments = new EnvironmentManager();
  atEnd(() => environments.close());
  const running = await createAppServer({ environments });
  const client = await RawClient.connect(running.urls[0] ?? '');
  await client.result('initialize', { clientInfo: { name: 'test' } });
  await Promise.all([running.close(), running.close()]);
  expect(await client.closed).toMatchObject({ code: 1001 });
  expect((await environments.local.files.getMetadata('/')).isDirectory).toBe(true);
});

test('it listens where only this machine can reach it, and to no web page', async () => {
  const environments = new EnvironmentManager();
  atEnd(() => environments.close());
  await expect(createAppServer({ environments, listen: 'ws://0.0.0.0:0' })).rejects.toThrow('refusing to listen');
  const running = await createAppServer({ environments });
  atEnd(() => running.close());
  const headers = { origin: 'http://example.com' };
  await expect(RawClient.connect(running.urls[0] ?? '', { headers })).rejects.toThrow('403');
});

test('two streams are as good as stdio', async () => {
  const environments = new EnvironmentManager();
  atEnd(() => environments.close());
  const input = new PassThrough();
  const output = new PassThrough();
  const running = await createAppServer({ environments, streams: { input, output } });
  atEnd(() => running.close());
  expect(running.urls).toEqual([]);
  const client = RawClient.overLines(output, input);
  await client.result('initialize', { clientInfo: { name: 'test' } });
  expect(await client.result('fs/getMetadata', { path: '/' })).toMatchObject({ isDirectory: true });
  input.end();
  await running.hostGone;
});
