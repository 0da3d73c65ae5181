import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WireError } from '../../protocol/errors.js';
import { LocalFileSystem } from './local-file-system.js';
import { osError } from './os-error.js';

const files = new LocalFileSystem();

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'files-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function thrown(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: as libuv words it`), { code });
}

describe('osError', () => {
  it.each([
    ['ENOENT', -32004, 'not_found', 'No such file or directory (os error 2)'],
    ['EACCES', -32600, 'permission_denied', 'Permission denied (os error 13)'],
    ['EPERM', -32600, 'permission_denied', 'Operation not permitted (os error 1)'],
    ['EINVAL', -32600, 'invalid_input', 'Invalid argument (os error 22)'],
    ['EIO', -32603, 'io_error', 'I/O error (os error 5)'],
    ['ENOSPC', -32603, 'io_error', 'No space left on device (os error 28)'],
    ['EROFS', -32603, 'io_error', 'Read-only file system (os error 30)'],
    ['ENOTSUP', -32603, 'io_error', 'ENOTSUP (os error 95)'],
  ])('answers %s with %i, kind %s and the text of the system', (errno, code, kind, text) => {
    const cause = thrown(errno);
    const error = osError(cause, '/x/y');
    expect(error).toBeInstanceOf(WireError);
    expect(error.toWire()).toEqual({ code, message: `${text}: /x/y`, data: { kind, path: '/x/y', errno } });
    expect(error.cause).toBe(cause);
  });

  it('keeps the message of an error that is not of the system', () => {
    expect(osError(new RangeError('out of memory'), '/x').toWire()).toMatchObject({
      code: -32603,
      message: 'RangeError: out of memory: /x',
      data: { kind: 'io_error' },
    });
  });

  it('passes on what already names a path', () => {
    const inner = osError(thrown('EIO'), '/inner');
    expect(osError(inner, '/outer')).toBe(inner);
  });

  it('puts only well-formed text on the wire, whatever bytes the path has', () => {
    const { message, data } = osError(thrown('ENOENT'), '/bad\udcff');
    expect(message).toBe('No such file or directory (os error 2): /bad\ufffd');
    expect(data.path).toBe('/bad\ufffd');
  });
});

describe('every method', () => {
  const calls: [name: string, call: (path: string) => Promise<unknown>][] = [
    ['readFile', (path) => files.readFile(path)],
    ['writeFile', (path) => files.writeFile(path, Buffer.from('x'))],
    ['createDirectory', (path) => files.createDirectory(path, { recursive: false })],
    ['getMetadata', (path) => files.getMetadata(path)],
    ['readDirectory', (path) => files.readDirectory(path)],
    ['remove', (path) => files.remove(path, { force: false })],
    ['copy from', (path) => files.copy(path, '/dev/null')],
  ];

  it.each(calls)('of the file system refuses a NUL in a name: %s', async (_, call) => {
    await expect(call('/tmp/a\0b')).rejects.toMatchObject({
      code: -32600,
      kind: 'invalid_input',
      message: 'file name contained an unexpected NUL byte',
    });
  });

  it.each(calls)('answers a path that is not there with not_found: %s', async (_, call) => {
    const path = join(await temporaryDirectory(), 'none/f');
    await expect(call(path)).rejects.toMatchObject({
      code: -32004,
      message: `No such file or directory (os error 2): ${path}`,
      data: { kind: 'not_found', path, errno: 'ENOENT' },
    });
  });

  it.each(calls)('answers a path below a file with io_error: %s', async (_, call) => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, '');
    await expect(call(join(path, 'below'))).rejects.toMatchObject({
      code: -32603,
      message: `Not a directory (os error 20): ${path}/below`,
      data: { kind: 'io_error', errno: 'ENOTDIR' },
    });
  });

  it.each(calls)('answers a loop of links and a name that is too long: %s', async (_, call) => {
    const directory = await temporaryDirectory();
    await symlink('loop', join(directory, 'loop'));
    await expect(call(join(directory, 'loop/f'))).rejects.toMatchObject({
      code: -32603,
      message: `Symbolic link loop (os error 40): ${directory}/loop/f`,
    });
    await expect(call(join(directory, 'n'.repeat(300)))).rejects.toMatchObject({
      code: -32603,
      message: expect.stringMatching(/^Filename too long \(os error 36\): /),
    });
  });

  it('answers what the system forbids even to root with permission_denied (needs root)', async (context) => {
    context.skip(process.getuid?.() !== 0, 'others meet another refusal first');
    await expect(files.remove('/proc/version')).rejects.toMatchObject({
      code: -32600,
      message: 'Operation not permitted (os error 1): /proc/version',
      data: { kind: 'permission_denied', errno: 'EPERM' },
    });
  });

  it('answers what the user may not enter with permission_denied (needs a user other than root)', async (context) => {
    context.skip(process.getuid?.() === 0, 'root may enter every directory');
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'closed'));
    await chmod(join(directory, 'closed'), 0);
    for (const [, call] of calls) {
      await expect(call(join(directory, 'closed/f'))).rejects.toMatchObject({
        code: -32600,
        message: `Permission denied (os error 13): ${directory}/closed/f`,
        data: { kind: 'permission_denied', errno: 'EACCES' },
      });
    }
  });
});
