import { mkdir, mkdtemp, readdir, readFile as readPlain, rm, writeFile as writePlain } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccessPolicy } from '../../permissions/types.js';
import type { Access } from './access.js';
import { AnchoredAccess } from './anchored-access.js';
import { writeFileAtomically } from './atomic-write.js';
import { copy } from './copy.js';
import { createDirectory } from './create-directory.js';
import { forEachBounded } from './for-each-bounded.js';
import { openFile } from './open-file.js';
import { isSandboxDenied } from './os-error.js';
import { readDirectory } from './read-directory.js';
import { readFile } from './read-file.js';
import { remove } from './remove.js';
import { rename } from './rename.js';
import { writeFile } from './write-file.js';

const ROUNDS = 10_000;
const CONCURRENCY = 6;
const SECRET = 'of the outside';
const OURS = 'of the inside';

/** Swaps a directory and a file for links to the outside and back, as fast as it can, until told to stop. */
const SWAPPER = `
const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
const { parentPort, workerData: { inside, outside, stop } } = require('node:worker_threads');
const flag = new Int32Array(stop);
let trash = 0;
// Between two steps nothing is there, and the attacked may make a directory in that place.
const insist = (step) => {
  for (;;) {
    try {
      return step();
    } catch {
      try {
        renameSync(inside + '/d', inside + '/trash' + trash++);
      } catch {}
    }
  }
};
let swaps = 0;
while (Atomics.load(flag, 0) === 0) {
  renameSync(inside + '/d', inside + '/kept');
  insist(() => symlinkSync(outside, inside + '/d'));
  if (swaps % 3 === 0) Atomics.wait(flag, 0, 0, 0.05);
  renameSync(inside + '/d', inside + '/link');
  insist(() => renameSync(inside + '/kept', inside + '/d'));
  unlinkSync(inside + '/link');
  swaps++;
  if (swaps % 2 === 0) Atomics.wait(flag, 0, 0, 0.3); // what takes several steps gets through at times
}
parentPort.postMessage(swaps);
`;

describe.runIf(process.platform === 'linux')(
  'while a directory is swapped for a link to the outside and back',
  {
    timeout: 120_000,
  },
  () => {
    let base: string;
    let inside: string;
    let outside: string;
    let access: Access;
    const stop = new Int32Array(new SharedArrayBuffer(4));
    let swapper: Worker;
    let before: string[];

    beforeAll(async () => {
      base = await mkdtemp(join(tmpdir(), 'attack-'));
      inside = join(base, 'inside');
      outside = join(base, 'outside');
      for (const [directory, content] of [
        [join(inside, 'd'), OURS],
        [outside, SECRET],
      ] as const) {
        await mkdir(join(directory, 'tree/below'), { recursive: true });
        await writePlain(join(directory, 'f'), content);
        await writePlain(join(directory, 'tree/below/f'), content);
        await mkdir(join(directory, 'emptied'));
      }
      await mkdir(join(inside, 'copies'));
      access = new AnchoredAccess({ policy: onlyBelow(inside) });
      before = await tree(outside);
      swapper = new Worker(SWAPPER, { eval: true, workerData: { inside, outside, stop: stop.buffer } });
    });

    afterAll(async () => {
      Atomics.store(stop, 0, 1);
      const swaps = await new Promise((resolve) => swapper.once('message', resolve));
      await swapper.terminate();
      await rm(base, { recursive: true, force: true, maxRetries: 3 });
      expect(swaps).toBeGreaterThan(1_000);
    });

    /** What came of it, by the kind of failure; that some succeeded and some were denied shows that the attack ran. */
    async function attack(work: (round: number) => Promise<unknown>): Promise<void> {
      const outcomes = { done: 0, denied: 0, missed: 0 };
      await forEachBounded([...Array(ROUNDS).keys()], CONCURRENCY, async (round) => {
        try {
          await work(round);
          outcomes.done++;
        } catch (error) {
          if (error instanceof Error && error.name === 'AssertionError') throw error;
          outcomes[isSandboxDenied(error) ? 'denied' : 'missed']++;
        }
      });
      expect(outcomes.done).toBeGreaterThan(10);
      expect(outcomes.denied).toBeGreaterThan(10);
      expect(await tree(outside)).toEqual(before);
    }

    const d = (name: string) => join(inside, 'd', name);
    const removeTree = { recursive: true, force: false };

    test('not one write lands there', async () => {
      await attack((round) =>
        round % 2 === 0
          ? writeFile(access, d(`w${round % 100}`), Buffer.from('x'))
          : writeFileAtomically(access, d(`a${round % 100}`), Buffer.from('x')),
      );
    });

    test('not one write through a handle lands there', async () => {
      await attack(async (round) => {
        const file = await openFile(access, d('f'), { mode: 'update' });
        try {
          await file.writeBlock(0, Buffer.from(OURS));
        } finally {
          await file.close();
        }
        return round;
      });
    });

    test('not one read comes from there', async () => {
      await attack(async () => expect((await readFile(access, d('f'))).toString()).toBe(OURS));
    });

    test('not one directory is made, renamed or listed there', async () => {
      await attack(async (round) => {
        await createDirectory(access, d(`new${round}`), { recursive: true });
        await rename(access, d(`new${round}`), d(`emptied/${round}`), { overwrite: false });
        await readDirectory(access, d('emptied'));
        await remove(access, d(`emptied/${round}`), removeTree);
      });
    });

    test('not one removal happens there', async () => {
      await attack(async (round) => {
        const name = `tree${round}`;
        await createDirectory(access, join(inside, 'copies', name, 'below'), { recursive: true });
        await rename(access, join(inside, 'copies', name), d(name), { overwrite: false }).finally(() =>
          remove(access, join(inside, 'copies', name), { recursive: true, force: true }),
        );
        await remove(access, round % 2 === 0 ? d(name) : d(`${name}/below`), removeTree);
      });
      await attack((round) => remove(access, d(round % 2 === 0 ? 'none' : 'w1'), { recursive: true, force: true }));
    });

    test('not one copy comes from there or lands there', async () => {
      await attack(async (round) => {
        const copied = join(inside, 'copies', `c${round}`);
        const source = round % 2 === 0 ? 'f' : 'tree';
        await copy(access, d(source), copied, { recursive: true });
        const content = await readPlain(source === 'f' ? copied : join(copied, 'below/f'), 'utf8');
        expect(content).toBe(OURS);
        await copy(access, copied, d(`copied${round % 50}`), { recursive: true });
      });
    });
  },
);

/** Grants writing below a directory, and nothing else. */
function onlyBelow(directory: string): AccessPolicy {
  const covers = (path: string) => path === directory || path.startsWith(`${directory}/`);
  return {
    unrestricted: false,
    network: 'restricted',
    warnings: [],
    rules: [{ path: directory, access: 'write' }],
    denyGlobs: [],
    accessAt: (path) => (covers(path) ? 'write' : 'none'),
    mayReplace: (path) => covers(path),
    mayRestrictBelow: (path) => !covers(path),
  };
}

/** Every path below a directory, with the content of the files. */
async function tree(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() ? `${path}: ${await readPlain(path, 'utf8')}` : path;
  });
  return (await Promise.all(lines)).sort();
}
