import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RawClient, scratchDirectory, shell, startInProcess } from '../harness/index.js';

const root = { path: { type: 'special', value: { kind: 'root' } } };
const restricting = {
  'a profile that restricts files': {
    sandbox: {
      cwd: '/',
      permissions: {
        type: 'managed',
        file_system: { type: 'restricted', entries: [{ ...root, access: 'read' }] },
        network: 'enabled',
      },
    },
  },
  'a profile that restricts the network only': {
    sandbox: {
      cwd: '/',
      permissions: { type: 'managed', file_system: { type: 'unrestricted' }, network: 'restricted' },
    },
  },
  'a profile that takes something away from everything': {
    sandbox: {
      cwd: '/',
      permissions: {
        type: 'managed',
        file_system: {
          type: 'restricted',
          entries: [
            { ...root, access: 'write' },
            { path: { type: 'path', path: '/etc' }, access: 'none' },
          ],
        },
        network: 'enabled',
      },
    },
  },
  'a profile that nobody knows': { sandbox: { cwd: '/', permissions: { type: 'future' } } },
  'the older policy, read-only': { sandboxPolicy: { type: 'read-only' } },
  'the older policy, workspace-write': { sandboxPolicy: { type: 'workspace-write', writableRoots: [] } },
};
const free = {
  nothing: {},
  null: { sandbox: null, sandboxPolicy: null },
  'a disabled profile': { sandbox: { cwd: '/', permissions: { type: 'disabled' } } },
  'an external one': { sandbox: { cwd: '/', permissions: { type: 'external', network: 'restricted' } } },
  'all of the root': {
    sandbox: {
      cwd: '/',
      permissions: {
        type: 'managed',
        file_system: { type: 'restricted', entries: [{ ...root, access: 'write' }] },
        network: 'enabled',
      },
    },
  },
  'the older policy, danger-full-access': { sandboxPolicy: { type: 'danger-full-access' } },
};

/** Each runs or changes something, or reads. */
function requests(directory: string): [method: string, params: Record<string, unknown>][] {
  const path = join(directory, 'file');
  return [
    ['process/start', shell('p', `touch ${path}`)],
    ['fs/writeFile', { path, dataBase64: '' }],
    ['fs/createDirectory', { path }],
    ['fs/copy', { sourcePath: '/etc/passwd', destinationPath: path, recursive: false }],
    ['fs/remove', { path: directory }],
    ['fs/readFile', { path: '/etc/passwd' }],
    ['fs/readDirectory', { path: directory }],
    ['fs/getMetadata', { path: directory }],
  ];
}

describe('while policies are not enforced, a request is refused that comes with', () => {
  test.each(Object.entries(restricting))('%s', async (_name, fields) => {
    const directory = scratchDirectory();
    const client = await RawClient.open((await startInProcess()).url);
    for (const [method, params] of requests(directory)) {
      const { error } = await client.request(method, { ...params, ...fields });
      expect(error, method).toMatchObject({ code: -32600, data: { kind: 'sandbox_unavailable' } });
    }
    expect(existsSync(directory)).toBe(true);
    expect(existsSync(join(directory, 'file'))).toBe(false);
    expect(await client.result('process/list')).toEqual({ processes: [] });
  });
});

describe('a request is carried out that comes with', () => {
  test.each(Object.entries(free))('%s', async (_name, fields) => {
    const client = await RawClient.open((await startInProcess()).url);
    const done = client.collect('p');
    const result = await client.result('process/start', { ...shell('p', 'echo ran'), ...fields });
    expect(result).toEqual({ processId: 'p', sandboxType: 'none' });
    expect((await done).stdout).toBe('ran\n');
    expect((await client.request('fs/readFile', { path: '/etc/passwd', ...fields })).error).toBeUndefined();
  });
});
