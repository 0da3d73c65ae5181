import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { RawClient, scratchDirectory, startInProcess } from '../harness/index.js';

const DENIED = { code: -32600, data: { kind: 'sandbox_denied' } };
const DISABLED = { permissions: { type: 'disabled' }, windowsSandboxLevel: 'disabled' };

/** A workspace that may be written, and a directory outside that may not even be read. */
async function begin(dialect: 'plain' | 'uri') {
  const dir = scratchDirectory();
  const [inside, outside] = [join(dir, 'inside'), join(dir, 'outside')];
  for (const at of [inside, outside]) {
    mkdirSync(join(at, 'd'), { recursive: true });
    writeFileSync(join(at, 'f'), 'content');
  }
  symlinkSync(outside, join(inside, 'escape'));
  const write = (path: string) => (dialect === 'uri' ? pathToFileURL(path).href : path);
  const entries = [{ path: { type: 'path', path: write(inside) }, access: 'write' }];
  const sandbox = {
    permissions: { type: 'managed', file_system: { type: 'restricted', entries }, network: 'restricted' },
    cwd: write(inside),
    windowsSandboxLevel: 'disabled',
  };
  const client = await RawClient.open((await startInProcess()).url);
  return { client, inside, outside, write, sandbox };
}

/** Every method that takes a path, at `f` or at the directory `d` of a place. */
function requests(at: (name: string) => string): [method: string, params: Record<string, unknown>][] {
  return [
    ['fs/readFile', { path: at('f') }],
    ['fs/getMetadata', { path: at('f') }],
    ['fs/canonicalize', { path: at('f') }],
    ['fs/readDirectory', { path: at('d') }],
    ['fs/walk', { path: at('d') }],
    ['fs/open', { handleId: 'read', path: at('f') }],
    ['fs/watch', { watchId: 'w', path: at('d') }],
    ['fs/open', { handleId: 'write', path: at('f'), mode: 'update' }],
    ['fs/writeFile', { path: at('f'), dataBase64: 'eA==' }],
    ['fs/writeFile', { path: at('f'), dataBase64: 'eA==', atomic: true }],
    ['fs/createDirectory', { path: at('new') }],
    ['fs/copy', { sourcePath: at('f'), destinationPath: at('copy'), recursive: false }],
    ['fs/rename', { sourcePath: at('f'), destinationPath: at('moved') }],
    ['fs/remove', { path: at('d') }],
  ];
}

describe.each(['plain', 'uri'] as const)('a profile in the %s dialect', (dialect) => {
  test('lets every method work where it grants it', async () => {
    const { client, inside, write, sandbox } = await begin(dialect);
    for (const [method, params] of requests((name) => write(join(inside, name)))) {
      expect((await client.request(method, { ...params, sandbox })).error, method).toBeUndefined();
    }
  });

  test.each(['outside', 'inside/escape'])('denies every method at %s, without any effect', async (place) => {
    const { client, inside, outside, write, sandbox } = await begin(dialect);
    for (const [method, params] of requests((name) => write(join(inside, '..', place, name)))) {
      const { error } = await client.request(method, { ...params, sandbox });
      expect(error, `${method} ${JSON.stringify(params)}`).toMatchObject(DENIED);
    }
    const operations = [{ op: 'writeFile', path: write(join(outside, 'f')), dataBase64: '' }];
    expect(await client.result('fs/batch', { operations, sandbox })).toMatchObject({
      results: [{ status: 'failed', error: DENIED }],
    });
    expect(readFileSync(join(outside, 'f'), 'utf8')).toBe('content');
    for (const name of ['new', 'copy', 'moved']) expect(existsSync(join(outside, name))).toBe(false);
    expect(existsSync(join(outside, 'd'))).toBe(true);
  });
});

test('the older policies are enforced too', async () => {
  const { client, inside, outside } = await begin('plain');
  const write = async (dir: string, sandboxPolicy: object) =>
    (await client.request('fs/writeFile', { path: join(dir, 'f'), dataBase64: '', sandboxPolicy })).error;
  const workspace = {
    type: 'workspace-write',
    writableRoots: [inside],
    excludeSlashTmp: true,
    excludeTmpdirEnvVar: true,
  };
  expect(await write(inside, workspace)).toBeUndefined();
  expect(await write(outside, workspace)).toMatchObject(DENIED);
  expect(await write(inside, { type: 'read-only' })).toMatchObject(DENIED);
  expect(await write(outside, { type: 'danger-full-access' })).toBeUndefined();
});

test.each([
  ['a profile that nobody knows', { sandbox: { permissions: { type: 'future' }, windowsSandboxLevel: 'disabled' } }],
  ['a policy that nobody knows', { sandboxPolicy: { type: 'future' } }],
  ['a profile and a policy', { sandbox: DISABLED, sandboxPolicy: { type: 'read-only' } }],
])('%s is refused, and nothing is done', async (_name, terms) => {
  const { client, inside } = await begin('plain');
  const params = { path: join(inside, 'new'), dataBase64: '', ...terms };
  expect((await client.request('fs/writeFile', params)).error).toMatchObject({ code: -32602 });
  expect(existsSync(join(inside, 'new'))).toBe(false);
});

test.each([
  ['nothing', {}],
  ['null', { sandbox: null, sandboxPolicy: null }],
  ['a disabled profile', { sandbox: DISABLED }],
  ['an external one', { sandbox: { ...DISABLED, permissions: { type: 'external', network: 'restricted' } } }],
])('%s restricts nothing', async (_name, terms) => {
  const { client, outside } = await begin('plain');
  const params = { path: join(outside, 'f'), ...terms };
  expect((await client.request('fs/readFile', params)).error).toBeUndefined();
});
