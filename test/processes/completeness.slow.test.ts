import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExecBackend } from '../../src/process/types.js';
import { upTo } from '../harness/index.js';
import { launchers, newBackend, startProgram } from './launchers.js';
import { scratchDir } from './scratch-dir.js';

/**
 * The end of the output is lost in races that a quiet machine hides: these keep both of its cores busy, and leave just
 * enough of them that three gigabytes get through in time.
 */
const busy: ReturnType<typeof spawn>[] = [];

beforeAll(() => {
  for (const _ of upTo(2))
    busy.push(spawn('nice', ['-n', '5', '/bin/sh', '-c', 'while :; do :; done'], { stdio: 'ignore' }));
});

afterAll(async () => {
  for (const child of busy) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** Runs side by side: enough to race, few enough to keep the machine from thrashing. */
const AT_ONCE = 8;

/** Numbered lines, so that a lost, doubled or moved byte is seen wherever it happens. */
function pattern(bytes: number): Buffer {
  const lines: string[] = [];
  for (let n = 0, length = 0; length < bytes; n++) {
    const line = `${String(n).padStart(99, '.')}\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join('').slice(0, bytes));
}

/** How much of a run is wrong: bytes that are missing, or the offset of the first that differs. */
async function check(backend: ExecBackend, file: string, tty: boolean, expected: Buffer): Promise<string | undefined> {
  const process = await startProgram(backend, ['/bin/cat', file], { tty });
  let offset = 0;
  let nextSeq = 1;
  const order: string[] = [];
  for await (const event of process.events({ holdBack: true })) {
    if (event.type === 'gap' || event.type === 'failed') return `a ${event.type} after ${offset} bytes`;
    if (event.seq !== nextSeq++) return `seq ${event.seq} instead of ${nextSeq - 1}`;
    if (event.type !== 'output') order.push(event.type);
    else if (!event.chunk.equals(expected.subarray(offset, offset + event.chunk.length))) return `differs at ${offset}`;
    else offset += event.chunk.length;
  }
  process.release();
  if (order.join() !== 'exited,closed') return `ended with ${order}`;
  if (process.info().exitCode !== 0) return `exit code ${process.info().exitCode}`;
  return offset === expected.length ? undefined : `${expected.length - offset} bytes lost`;
}

const sizes = [
  { size: '10 bytes', bytes: 10 },
  { size: '5 kB', bytes: 5_000 },
  { size: '300 kB', bytes: 300_000 },
  { size: '3 MB', bytes: 3_000_000 },
];

const cases = launchers.flatMap(({ name, launcher }) =>
  [true, false].flatMap((tty) =>
    sizes.map((it) => ({
      ...it,
      name,
      launcher,
      runs: name === 'native' ? 300 : 100,
      from: tty ? 'a terminal' : 'pipes',
      tty,
    })),
  ),
);

test.each(cases)('$runs times $size from $from arrive whole with the $name launcher on a busy machine', async ({
  launcher,
  runs,
  bytes,
  tty,
}) => {
  const backend = newBackend(launcher);
  const file = join(scratchDir(), 'pattern');
  const written = pattern(bytes);
  writeFileSync(file, written);
  const expected = tty ? Buffer.from(written.toString('latin1').replaceAll('\n', '\r\n'), 'latin1') : written;
  const wrong: string[] = [];
  let left = runs;
  const worker = async () => {
    while (left-- > 0) {
      const problem = await check(backend, file, tty, expected);
      if (problem) wrong.push(problem);
    }
  };
  await Promise.all(upTo(AT_ONCE).map(worker));
  expect(wrong).toEqual([]);
}, 120_000);
