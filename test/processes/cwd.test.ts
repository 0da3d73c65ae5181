import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parsePath } from '../../src/protocol/paths.js';
import { launchers, newBackend, startProgram, startScript } from './launchers.js';
import { record } from './recording.js';
import { scratchDir, writeProgram } from './scratch-dir.js';

const isRoot = process.getuid?.() === 0;

const ways = launchers.flatMap(({ name, launcher }) => [
  { name, launcher, tty: false },
  { name, launcher, tty: true },
]);

describe.each(ways)('with the $name launcher (tty: $tty)', ({ launcher, tty }) => {
  const said = ({ stdout, pty }: { stdout: string; pty: string }) => (stdout + pty).replaceAll('\r', '');

  test('a child runs in the directory that was asked for', async () => {
    const cwd = scratchDir();
    const child = await startProgram(newBackend(launcher), ['/bin/pwd', '-P'], { cwd, tty });
    expect(said(await record(child))).toBe(`${cwd}\n`);
  });

  test('a cwd that is a symbolic link is followed', async () => {
    const directory = scratchDir();
    mkdirSync(join(directory, 'real'));
    symlinkSync('real', join(directory, 'link'));
    const cwd = join(directory, 'link');
    const child = await startProgram(newBackend(launcher), ['/bin/pwd', '-P'], { cwd, tty });
    expect(said(await record(child))).toBe(`${directory}/real\n`);
  });

  test('names with spaces, quotes, line ends and letters beyond ASCII are no problem', async () => {
    const cwd = join(scratchDir(), `it's "a" $(dir)\n日本語`);
    mkdirSync(cwd);
    const child = await startProgram(newBackend(launcher), ['/bin/pwd', '-P'], { cwd, tty });
    expect(Buffer.from(said(await record(child)), 'latin1').toString()).toBe(`${cwd}\n`);
  });

  test('a cwd whose name is not UTF-8 is entered, also by a program that is named relative to it', async () => {
    const directory = scratchDir();
    const bytes = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xe4, 0x80])]);
    mkdirSync(bytes);
    const cwd = parsePath(`file://${directory}/%FF%E4%80`);
    const backend = newBackend(launcher);
    const child = await startProgram(backend, ['/bin/pwd', '-P'], { cwd, tty });
    expect(said(await record(child))).toBe(`${bytes.toString('latin1')}\n`);

    const copy = await startScript(backend, 'cp /bin/pwd here', { cwd });
    expect((await record(copy)).exitCode).toBe(0);
    const relative = await startProgram(backend, ['./here', '-P'], { cwd, tty });
    expect(said(await record(relative))).toBe(`${bytes.toString('latin1')}\n`);
  });

  test.each([
    { what: 'is missing', cwd: 'missing', text: 'No such file or directory (os error 2)' },
    { what: 'is a file', cwd: 'file', text: 'Not a directory (os error 20)' },
    { what: 'lies below a file', cwd: 'file/below', text: 'Not a directory (os error 20)' },
    { what: 'is a link to nowhere', cwd: 'dangling', text: 'No such file or directory (os error 2)' },
    { what: 'is a link to itself', cwd: 'loop', text: 'Symbolic link loop (os error 40)' },
    { what: 'has too long a name', cwd: 'x'.repeat(300), text: 'Filename too long (os error 36)' },
  ])('a cwd that $what is refused, naming it, and nothing runs', async ({ cwd, text }) => {
    const directory = scratchDir();
    writeProgram(directory, 'file', '');
    symlinkSync('nowhere', join(directory, 'dangling'));
    symlinkSync('loop', join(directory, 'loop'));
    const path = join(directory, cwd);
    const start = startScript(newBackend(launcher), `touch ${directory}/ran`, { cwd: path, tty });
    await expect(start).rejects.toMatchObject({
      code: -32603,
      kind: 'spawn_failed',
      message: `${text}: cwd \`${path}\``,
    });
  });

  test('a cwd whose name is not UTF-8 is named readably when it is missing', async () => {
    const cwd = parsePath('file:///missing/%FF');
    await expect(startScript(newBackend(launcher), 'true', { cwd, tty })).rejects.toMatchObject({
      message: 'No such file or directory (os error 2): cwd `/missing/\ufffd`',
    });
  });

  test.skipIf(isRoot)('a cwd that may not be entered is refused', async () => {
    const cwd = scratchDir();
    chmodSync(cwd, 0o600);
    const start = startScript(newBackend(launcher), 'true', { cwd, tty });
    await expect(start).rejects.toMatchObject({ message: `Permission denied (os error 13): cwd \`${cwd}\`` });
    chmodSync(cwd, 0o700);
  });
});
