import { existsSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { environmentInfo } from '../../protocol/session-methods.js';
import { hostInfo } from './host-info.js';

test('this machine is described in the shape that goes on the wire', () => {
  expect(() => environmentInfo.parse(hostInfo())).not.toThrow();
});

test('the shell is a program that exists, named by its file', () => {
  const { path, name } = hostInfo().shell;
  expect(existsSync(path)).toBe(true);
  expect(path.endsWith(`/${name}`)).toBe(true);
});

test('directories are file: URIs of directories that exist', () => {
  const { cwd, userHomeDir, tempDir, temporaryDirectories } = hostInfo();
  const paths = [cwd, userHomeDir, tempDir, ...(temporaryDirectories ?? [])].map((uri) => fileURLToPath(String(uri)));
  expect(paths.slice(0, 3)).toEqual([process.cwd(), homedir(), tmpdir()]);
  for (const path of paths) expect(existsSync(path)).toBe(true);
});

test('the machine has an id that stays the same and gives nothing away', () => {
  expect(hostInfo().providerId).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(hostInfo().providerId).toBe(hostInfo().providerId);
});
