import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../../test/harness/index.js';
import { withFileLock } from './file-lock.js';
import { LOCK_ABANDONED_MS } from './limits.js';

test('those who ask for the same lock run one after the other, and leave nothing', async () => {
  const folder = scratchDirectory();
  let inside = 0;
  const run = () =>
    withFileLock(join(folder, 'lock'), async () => {
      inside += 1;
      expect(inside).toBe(1);
      await new Promise(setImmediate);
      inside -= 1;
    });
  await Promise.all(Array.from({ length: 20 }, run));
  expect(readdirSync(folder)).toEqual([]);
});

test('a lock is given back when the action fails', async () => {
  const lock = join(scratchDirectory(), 'lock');
  await expect(withFileLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withFileLock(lock, async () => 'next')).toBe('next');
});

// No process has this id: it is above the highest that Linux gives.
const NOBODY = 4_194_305;

test.each([
  ['whose holder has died', `${hostname()} ${NOBODY}`, Date.now()],
  [
    'of another machine that is older than anybody needs',
    `elsewhere ${process.pid}`,
    Date.now() - 2 * LOCK_ABANDONED_MS,
  ],
])('a lock %s is taken over, by one at a time', async (_what, holder, since) => {
  const folder = scratchDirectory();
  const lock = join(folder, 'lock');
  writeFileSync(lock, holder);
  utimesSync(lock, since / 1000, since / 1000);
  let inside = 0;
  const run = () =>
    withFileLock(lock, async () => {
      inside += 1;
      expect(inside).toBe(1);
      await new Promise(setImmediate);
      inside -= 1;
    });
  await Promise.all([run(), run(), run()]);
  expect(readdirSync(folder)).toEqual([]);
});
