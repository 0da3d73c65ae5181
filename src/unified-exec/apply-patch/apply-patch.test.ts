import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratchDirectory, startInProcess } from '../../../test/harness/index.js';
import { sandbox } from '../../../test/processes/sandboxes.js';
import { RemoteEnvironment } from '../../environment/remote-environment.js';
import { LocalFileSystem } from '../../files/local/local-file-system.js';
import type { FileSystem } from '../../files/types.js';
import { ErrorCode, WireError } from '../../protocol/errors.js';
import { MAX_BATCH_OPERATIONS } from '../../protocol/limits.js';
import { applyPatch, formatPatchResult } from './apply-patch.js';

type Tree = Record<string, string | Buffer>;

/** A directory with these files, and how to patch them and look at them. */
function place(tree: Tree, files: FileSystem = new LocalFileSystem()) {
  const cwd = scratchDirectory();
  for (const [path, content] of Object.entries(tree)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), content);
  }
  const apply = (body: string, options: Partial<Parameters<typeof applyPatch>[2]> = {}) =>
    applyPatch(files, `*** Begin Patch\n${body}\n*** End Patch`, { cwd, ...options });
  return { cwd, apply, tree: () => treeOf(cwd) };
}

/** Directories end in a slash. */
function treeOf(root: string): Record<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names.map((name) => {
      const isDirectory = statSync(join(root, name)).isDirectory();
      return isDirectory ? [`${name}/`, ''] : [name, readFileSync(join(root, name), 'utf8')];
    }),
  );
}

const SOURCES = { f: 'a\nb\nc\n', g: '1\n', h: '2\n' };

describe('on this machine and through a server', () => {
  const local = async (): Promise<FileSystem> => new LocalFileSystem();
  const remote = async (): Promise<FileSystem> => {
    const { url } = await startInProcess();
    return new RemoteEnvironment({ id: 'there', url }).files;
  };

  test.each([
    ['local', local],
    ['remote', remote],
  ])('%s: adds, updates, moves and deletes, and says so in the words that models know', async (_, open) => {
    const { apply, tree } = place(SOURCES, await open());
    const result = await apply(
      '*** Delete File: g\n*** Update File: f\n@@\n-b\n+B\n*** Add File: p/q/n\n+new\n*** Update File: h\n*** Move to: p/moved\n@@\n-2\n+3',
    );
    expect(formatPatchResult(result)).toBe('Success. Updated the following files:\nA p/q/n\nM f\nM p/moved\nD g\n');
    expect(tree()).toEqual({ f: 'a\nB\nc\n', 'p/': '', 'p/moved': '3\n', 'p/q/': '', 'p/q/n': 'new\n' });
  });
});

test('a file that is named more than once is patched one time after the other', async () => {
  const { apply, tree } = place(SOURCES);
  await apply(
    '*** Update File: f\n@@\n-b\n+B\n*** Update File: f\n@@\n-B\n+BB\n*** Add File: n\n+x\n*** Update File: n\n*** Move to: m\n@@\n-x\n+y\n*** Delete File: g',
  );
  expect(tree()).toEqual({ f: 'a\nBB\nc\n', h: '2\n', m: 'y\n' });
});

test('an added file replaces one that is there; moving to itself is an update; a move alone leaves the bytes', async () => {
  const binary = Buffer.from([0xff, 0, 0x0a]);
  const { cwd, apply } = place({ ...SOURCES, binary });
  await apply(
    '*** Add File: g\n+new\n*** Update File: f\n*** Move to: ./f\n@@\n-b\n+B\n*** Update File: binary\n*** Move to: b',
  );
  expect(treeOf(cwd)).toMatchObject({ f: 'a\nB\nc\n', g: 'new\n' });
  expect(readFileSync(join(cwd, 'b'))).toEqual(binary);
  expect(existsSync(join(cwd, 'binary'))).toBe(false);
});

test('what is moved keeps its mode, and what is updated through a link keeps the link', async () => {
  const { cwd, apply } = place({ 'run.sh': 'echo\n', real: 'a\n' });
  chmodSync(join(cwd, 'run.sh'), 0o755);
  symlinkSync('real', join(cwd, 'link'));
  await apply('*** Update File: run.sh\n*** Move to: bin/run\n@@\n-echo\n+echo hi\n*** Update File: link\n@@\n-a\n+b');
  expect(statSync(join(cwd, 'bin/run')).mode & 0o777).toBe(0o755);
  expect(readFileSync(join(cwd, 'real'), 'utf8')).toBe('b\n');
});

test.each([
  ['an update that does not fit', '*** Update File: f\n@@\n-zz', 'patch_mismatch', /Failed to find expected lines in/],
  [
    'an update of nothing',
    '*** Update File: none\n@@\n-a',
    'patch_refused',
    /^There is no file .*none: check the path/,
  ],
  ['a removal of nothing', '*** Delete File: none', 'patch_refused', /^There is no file/],
  ['a removal of a directory', '*** Delete File: d', 'patch_refused', /^Failed to read .*d: /],
  ['a file where a directory is', '*** Add File: d\n+x', 'patch_refused', /^Failed to read .*d: /],
  ['a file below a file', '*** Add File: f/x\n+x', 'patch_refused', /^Failed to read .*f\/x: /],
  [
    'a file that is not text',
    '*** Update File: binary\n@@\n-a',
    'patch_refused',
    /binary is not UTF-8 text: edit it with/,
  ],
  ['a path of no file', '*** Add File: file://host/x\n+x', 'invalid_patch', /names the host/],
])('%s refuses the whole patch before anything is written', async (_, body, code, message) => {
  const { apply, tree } = place({ ...SOURCES, binary: Buffer.from([0x61, 0x0a, 0xff]), 'd/x': '' });
  const before = tree();
  const failure = await apply(`*** Add File: first/n\n+x\n${body}\n*** Delete File: g`).catch(
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ code, message: expect.stringMatching(message), mayHaveExecuted: false });
  expect((failure as Error).message).toMatch(/Nothing was changed\.$/);
  expect(tree()).toEqual(before);
});

describe('under a policy', () => {
  const confined = () => {
    const all = place({ 'ws/f': 'a\n', 'outside/f': 'a\n', 'secret/f': 'a\n' });
    const cwd = join(all.cwd, 'ws');
    const policy = sandbox({ ':root': 'read', [cwd]: 'write', [join(all.cwd, 'secret')]: 'none' });
    return { ...all, apply: (body: string) => all.apply(body, { cwd, sandbox: policy }) };
  };

  test('paths are judged by where they lead, relative or absolute', async () => {
    const { apply, tree, cwd } = confined();
    await apply(`*** Update File: ../ws/f\n@@\n-a\n+b\n*** Add File: ${cwd}/ws/sub/n\n+x`);
    expect(tree()).toMatchObject({ 'ws/f': 'b\n', 'ws/sub/n': 'x\n' });
  });

  test.each([
    ['an update', '*** Update File: ../outside/f\n@@\n-a\n+b'],
    ['an added file', '*** Add File: ../outside/n\n+x'],
    ['an added directory', '*** Add File: ../new/n\n+x'],
    ['a removal', '*** Delete File: ../outside/f'],
    ['a move out', '*** Update File: f\n*** Move to: ../outside/n\n@@\n-b\n+c'],
    ['a protected name', '*** Add File: .git/hooks/x\n+x'],
    ['a file that may not be read', '*** Update File: ../secret/f\n@@\n-a\n+b'],
  ])('%s that is denied looks denied, and leaves nothing changed', async (_, body) => {
    const { apply, tree } = confined();
    const before = tree();
    const failure = await apply(`*** Update File: f\n@@\n-a\n+b\n*** Add File: deep/er/n\n+x\n${body}`).catch((e) => e);
    expect(failure).toMatchObject({
      message: expect.stringMatching(/sandbox|permission|policy|denied/i),
      cause: { kind: 'sandbox_denied' },
      mayHaveExecuted: false,
    });
    expect(failure.message).toMatch(/Nothing was changed\.$/);
    expect(tree()).toEqual(before);
  });
});

/** Files of this machine with something of the test's own in front. */
function changed(overrides: Partial<FileSystem>): FileSystem {
  const files = new LocalFileSystem();
  const names = ['readFile', 'writeFile', 'createDirectory', 'getMetadata', 'remove', 'copy', 'batch'] as const;
  const own = Object.fromEntries(names.map((name) => [name, (files[name] as () => unknown).bind(files)]));
  return { ...(own as unknown as FileSystem), ...overrides };
}

test('what somebody else changes between reading and writing is noticed', async () => {
  const files = new LocalFileSystem();
  let reads = 0;
  const { cwd, apply, tree } = place(
    SOURCES,
    changed({
      async readFile(path, options) {
        const content = await files.readFile(path, options);
        if (path.endsWith('/f') && ++reads === 1) writeFileSync(join(cwd, 'f'), 'a\nb\nc\ntheirs\n');
        return content;
      },
    }),
  );
  await expect(apply('*** Update File: f\n@@\n-b\n+B\n*** Delete File: g')).rejects.toMatchObject({
    code: 'patch_refused',
    message: `${cwd}/f was changed by somebody else meanwhile: read it again. Nothing was changed by the patch.`,
  });
  expect(tree()).toEqual({ ...SOURCES, f: 'a\nb\nc\ntheirs\n' });
});

const failing = (message: string, data = {}) =>
  new WireError(ErrorCode.internal, message, { kind: 'io_error', ...data });
const TWO = '*** Update File: f\n@@\n-b\n+B\n*** Add File: n/n\n+x\n*** Delete File: g\n*** Delete File: h';

test('when the last of the changes fails, those before it are taken back', async () => {
  const files = new LocalFileSystem();
  const { apply, tree } = place(
    SOURCES,
    changed({
      async batch(operations, options) {
        const last = operations.findIndex((operation) => operation.op === 'remove' && operation.path.endsWith('/h'));
        if (last < 0) return files.batch(operations, options);
        const done = await files.batch(operations.slice(0, last), options);
        return [...done, { status: 'failed', error: failing('the disk is gone') }];
      },
    }),
  );
  await expect(apply(TWO)).rejects.toMatchObject({
    code: 'patch_failed',
    message: expect.stringMatching(/^Failed to write .*\/h: the disk is gone\. Nothing was changed\.$/),
    mayHaveExecuted: false,
  });
  expect(tree()).toEqual(SOURCES);
});

test('what cannot be taken back is named exactly', async () => {
  const files = new LocalFileSystem();
  const { cwd, apply } = place(
    SOURCES,
    changed({
      async batch(operations, options) {
        if (operations.length === 1) return [{ status: 'failed', error: failing('still gone') }];
        const done = await files.batch(operations.slice(0, -1), options);
        return [...done, { status: 'failed', error: failing('the disk is gone') }];
      },
    }),
  );
  await expect(apply(TWO)).rejects.toMatchObject({
    message: `Failed to write ${cwd}/h: the disk is gone. These files are not as they were, read them before going on: ${cwd}/f, ${cwd}/n/n, ${cwd}/g.`,
    mayHaveExecuted: true,
  });
});

test('a connection that is lost leaves the outcome open, and says so', async () => {
  let lost = false;
  const files = new LocalFileSystem();
  const { cwd, apply } = place(
    SOURCES,
    changed({
      async batch() {
        lost = true;
        throw failing('the connection was lost', { mayHaveExecuted: true });
      },
      async readFile(path, options) {
        if (lost) throw failing('not connected');
        return files.readFile(path, options);
      },
    }),
  );
  await expect(apply('*** Update File: f\n@@\n-b\n+B')).rejects.toMatchObject({
    message: `Failed to write ${cwd}/f: the connection was lost. It is not known which of these files were changed, read them before going on: ${cwd}/f.`,
    mayHaveExecuted: true,
  });
});

test('where nothing can be written atomically it is written in place', async () => {
  const files = new LocalFileSystem();
  const unsupported = Object.assign(new Error('writing atomically is not supported'), { code: 'unsupported' });
  const { apply, tree } = place(
    SOURCES,
    changed({
      async batch(operations, options) {
        const at = operations.findIndex((operation) => operation.op === 'writeFile' && operation.atomic === true);
        if (at < 0) return files.batch(operations, options);
        const done = await files.batch(operations.slice(0, at), options);
        return [...done, { status: 'failed', error: unsupported }];
      },
    }),
  );
  await apply(TWO);
  expect(tree()).toEqual({ f: 'a\nB\nc\n', 'n/': '', 'n/n': 'x\n' });
});

test('what was done although its answer was lost is taken back', async () => {
  const files = new LocalFileSystem();
  let lost = false;
  const { apply, tree } = place(
    SOURCES,
    changed({
      async batch(operations, options) {
        const results = await files.batch(operations, options);
        if (lost) return results;
        lost = true;
        throw failing('the connection was cut', { mayHaveExecuted: true });
      },
    }),
  );
  await expect(apply(TWO)).rejects.toMatchObject({
    message: expect.stringMatching(/the connection was cut\. Nothing was changed\.$/),
    mayHaveExecuted: false,
  });
  expect(tree()).toEqual(SOURCES);
});

test('a patch of more files than one batch takes goes through as several', async () => {
  const sizes: number[] = [];
  const { apply } = place(
    {},
    changed({
      async batch(operations) {
        sizes.push(operations.length);
        return operations.map(() => ({ status: 'ok', value: undefined }));
      },
    }),
  );
  const count = MAX_BATCH_OPERATIONS + 50;
  const body = Array.from({ length: count }, (_, i) => `*** Add File: f${i}\n+${i}`).join('\n');
  expect((await apply(body)).added).toHaveLength(count);
  expect(sizes).toEqual([MAX_BATCH_OPERATIONS, 50]);
});

test('a call that is cancelled before the first write changes nothing', async () => {
  const { apply, tree } = place(SOURCES);
  const signal = AbortSignal.abort(new Error('the turn was cancelled'));
  await expect(apply('*** Delete File: g', { signal })).rejects.toThrow('the turn was cancelled');
  expect(tree()).toEqual(SOURCES);
});
