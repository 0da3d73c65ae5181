import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StartParams } from '../../src/process/types.js';
import type { WireError } from '../../src/protocol/errors.js';
import { childrenOf, countDescriptors, until } from '../harness/index.js';
import { launchers, newBackend, startProgram } from './launchers.js';
import { record } from './recording.js';
import { scratchDir, writeProgram } from './scratch-dir.js';

type Start = { argv: [string, ...string[]] } & Partial<StartParams>;

const NOT_FOUND = 'No such file or directory (os error 2)';
const DENIED = 'Permission denied (os error 13)';
const BAD_FORMAT = 'Exec format error (os error 8)';
const TOO_LONG = 'Argument list too long (os error 7)';
const NUL = 'nul byte found in provided data';

const failures: { what: string; text: string; nativeOnly?: boolean; start(directory: string): Start }[] = [
  { what: 'a missing program', text: NOT_FOUND, start: () => ({ argv: ['no-such-program'] }) },
  { what: 'a missing program with a path', text: NOT_FOUND, start: () => ({ argv: ['/no/such/program'] }) },
  { what: 'a program with an empty name', text: NOT_FOUND, start: () => ({ argv: [''] }) },
  { what: 'a directory', text: DENIED, start: (directory) => ({ argv: [directory] }) },
  {
    what: 'a file without the permission',
    text: DENIED,
    start: (directory) => ({ argv: [writeProgram(directory, 'plain', '#!/bin/sh\n', 0o644)] }),
  },
  {
    what: 'a file below a file',
    text: 'Not a directory (os error 20)',
    start: (directory) => ({ argv: [`${writeProgram(directory, 'plain', '')}/x`] }),
  },
  {
    what: 'a script without a first line that names its interpreter',
    text: BAD_FORMAT,
    start: (directory) => ({ argv: [writeProgram(directory, 'script', 'echo never\n')] }),
  },
  {
    what: 'an empty file',
    text: BAD_FORMAT,
    start: (directory) => ({ argv: [writeProgram(directory, 'empty', '')] }),
  },
  {
    what: 'a script whose interpreter is missing',
    text: NOT_FOUND,
    start: (directory) => ({ argv: [writeProgram(directory, 'script', '#!/no/such/interpreter -x\n')] }),
  },
  {
    what: 'a script whose interpreter is no program',
    text: DENIED,
    start: (directory) => ({ argv: [writeProgram(directory, 'script', `#! ${directory}\n`)] }),
  },
  {
    what: 'a damaged program',
    text: BAD_FORMAT,
    nativeOnly: true, // the portable launcher sees the magic of ELF, and leaves the rest to exec
    start: (directory) => ({ argv: [writeProgram(directory, 'elf', `\x7fELF${'x'.repeat(200)}`)] }),
  },
  { what: 'an argument too long', text: TOO_LONG, start: () => ({ argv: ['echo', 'x'.repeat(131_072)] }) },
  { what: 'an argument too long in bytes', text: TOO_LONG, start: () => ({ argv: ['echo', '€'.repeat(43_691)] }) },
  { what: 'an arg0 too long', text: TOO_LONG, start: () => ({ argv: ['echo'], arg0: 'x'.repeat(131_072) }) },
  { what: 'a variable too long', text: TOO_LONG, start: () => ({ argv: ['echo'], env: { V: 'x'.repeat(131_070) } }) },
  {
    what: 'arguments that are too many',
    text: TOO_LONG,
    start: () => ({ argv: ['echo', ...Array.from({ length: 100 }, () => 'x'.repeat(100_000))] }),
  },
  {
    what: 'variables that are too many',
    text: TOO_LONG,
    start: () => ({
      argv: ['/bin/echo'],
      env: Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`V${n}`, 'x'.repeat(100_000)])),
    }),
  },
  { what: 'NUL in the program', text: NUL, start: () => ({ argv: ['ec\0ho'] }) },
  { what: 'NUL in an argument', text: NUL, start: () => ({ argv: ['echo', 'a\0b'] }) },
  { what: 'NUL in arg0', text: NUL, start: () => ({ argv: ['echo'], arg0: 'a\0b' }) },
  { what: 'NUL in the name of a variable', text: NUL, start: () => ({ argv: ['echo'], env: { 'A\0': 'b' } }) },
  { what: 'NUL in a variable', text: NUL, start: () => ({ argv: ['echo'], env: { A: 'b\0' } }) },
  { what: 'NUL in the cwd', text: NUL, start: () => ({ argv: ['echo'], cwd: '/tmp\0' }) },
];

describe.each(launchers)('with the $name launcher', ({ name, launcher }) => {
  const here = failures.filter(({ nativeOnly }) => !nativeOnly || name === 'native');
  test.each(here)('$what is refused, in the same words on pipes and on a terminal', async ({ text, start }) => {
    const backend = newBackend(launcher);
    const { argv, ...more } = start(scratchDir());
    const errors: WireError[] = [];
    for (const tty of [false, true]) {
      const started = startProgram(backend, argv, { ...more, tty });
      await started.then(
        async (process) => {
          throw new Error(`it ran: ${JSON.stringify(await record(process)).slice(0, 500)}`);
        },
        (error: WireError) => errors.push(error),
      );
    }
    const [onPipes, onTerminal] = errors;
    expect(onPipes).toMatchObject({ code: -32603, kind: 'spawn_failed', message: expect.stringContaining(text) });
    expect(onTerminal?.toWire()).toEqual(onPipes?.toWire());
    expect(onPipes?.message.length).toBeLessThan(2_000);
  });

  test('an argument that just fits is passed on', async () => {
    const backend = newBackend(launcher);
    for (const tty of [false, true]) {
      const process = await startProgram(backend, ['/bin/sh', '-c', 'printf %s "$0" | wc -c', 'x'.repeat(131_071)], {
        tty,
      });
      const { stdout, pty } = await record(process);
      expect((stdout + pty).trim()).toBe('131071');
    }
  });

  test('scripts run: with an interpreter, with one of its arguments, and through a further script', async () => {
    const backend = newBackend(launcher);
    const directory = scratchDir();
    const plain = writeProgram(directory, 'plain', '#! /bin/sh\necho plain "$@"\n');
    const withArgument = writeProgram(directory, 'with-argument', '#!/bin/sh -e\nfalse\necho never\n');
    const through = writeProgram(directory, 'through', `#!${plain}\n`);
    const relative = writeProgram(directory, 'relative', '#!./plain\n');
    for (const tty of [false, true]) {
      const run = async (argv: [string, ...string[]]) => {
        const { stdout, pty, exitCode } = await record(await startProgram(backend, argv, { tty, cwd: directory }));
        return [(stdout + pty).trim(), exitCode];
      };
      expect(await run([plain, 'a'])).toEqual(['plain a', 0]);
      expect(await run([withArgument])).toEqual(['', 1]);
      expect(await run([through, 'a'])).toEqual([`plain ${through} a`, 0]);
      expect(await run([relative, 'a'])).toEqual([`plain ${relative} a`, 0]);
    }
  });

  test('a failed start leaves neither descriptors nor children behind', async () => {
    const backend = newBackend(launcher);
    const directory = scratchDir();
    await record(await startProgram(backend, ['true'], { tty: true })); // everything is loaded
    await record(await startProgram(backend, ['true'], { pipeStdin: true }));
    const before = { descriptors: countDescriptors(), children: childrenOf().length };
    for (let round = 0; round < 10; round++) {
      for (const { start } of here) {
        const { argv, ...more } = start(join(directory));
        const tty = round % 2 === 0;
        await startProgram(backend, argv, { ...more, tty, pipeStdin: true }).catch(() => undefined);
      }
    }
    await until(() => countDescriptors() <= before.descriptors && childrenOf().length <= before.children);
  });
});
