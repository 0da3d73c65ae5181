import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readlink, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { LocalFileSystem } from './local-file-system.js';

const files = new LocalFileSystem();

/** What this process has open below a directory: nothing of other tests, or of vitest, is counted. */
async function openBelow(directory: string): Promise<string[]> {
  const targets = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => 'closed meanwhile')),
  );
  return targets.filter((target) => target.startsWith(directory));
}

it('leaves no file descriptor open, whether a call succeeds or fails', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'files-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const at = (name: string) => join(directory, name);
  await writeFile(at('f'), 'content');
  await writeFile(at('huge'), '');
  await truncate(at('huge'), 2 ** 29 + 1);
  await chmod(at('f'), 0o4755);
  await mkdir(at('d/sub'), { recursive: true });
  await writeFile(at('d/sub/f'), 'x');
  await symlink('f', at('link'));
  execFileSync('mkfifo', [at('fifo')]);

  const outcomes = await Promise.allSettled([
    files.readFile(at('f')),
    files.writeFile(at('new'), Buffer.from('x')),
    files.readDirectory(at('d')),
    files.copy(at('f'), at('copied')),
    files.copy(at('d'), at('copied-d'), { recursive: true }),
    files.readFile(at('d')),
    files.readFile(at('fifo')),
    files.readFile(at('huge')),
    files.writeFile(at('d'), Buffer.from('x')),
    files.readDirectory(at('f')),
    files.copy(at('f'), at('f')),
    files.copy(at('f'), at('link')),
    files.copy(at('f'), at('d')),
    files.copy(at('f'), '/dev/full'),
    files.copy(at('d'), at('f'), { recursive: true }),
  ]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual([
    ...Array.from({ length: 5 }, () => 'fulfilled'),
    ...Array.from({ length: 10 }, () => 'rejected'),
  ]);
  // Reading does not wait for its own close.
  await vi.waitFor(async () => expect(await openBelow(directory)).toEqual([]));
});
