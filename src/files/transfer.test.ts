import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ErrorCode, WireError } from '../protocol/errors.js';
import { BLOCKS_AHEAD, STREAM_BLOCK_BYTES, WHOLE_TRANSFER_MAX_BYTES } from './limits.js';
import { LocalFileSystem } from './local/local-file-system.js';
import { TransferInterruptedError, transferFile } from './transfer-file.js';
import { transferTree } from './transfer-tree.js';
import type { FileOptions, OpenFile, OpenMode } from './types.js';

const MIB = 1024 * 1024;
/** Several blocks more than are on the way at once, and an odd end. */
const LARGE = 12 * MIB + 345;

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'transfer-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function pattern(bytes: number, seed = 1): Buffer {
  const words = Uint32Array.from({ length: Math.ceil(bytes / 4) }, (_, i) => (i + seed) * 2654435761);
  return Buffer.from(words.buffer).subarray(0, bytes);
}

const CONTENT = pattern(LARGE);

/** A place like any other, which counts the bytes that are read, and whose reads may fail from some offset on. */
class Place extends LocalFileSystem {
  bytesRead = 0;
  failsFrom = Number.POSITIVE_INFINITY;

  override async open(path: string, options: FileOptions & { mode?: OpenMode | undefined } = {}): Promise<OpenFile> {
    const file = await super.open(path, options);
    return {
      readBlock: async (offset, length) => {
        if (offset >= this.failsFrom) throw new Error('the link is cut');
        const block = await file.readBlock(offset, length);
        this.bytesRead += block.chunk.length;
        return block;
      },
      writeBlock: (offset, chunk) => file.writeBlock(offset, chunk),
      close: () => file.close(),
    };
  }
}

/** A source and a target directory, and a first attempt that ended in the middle. */
async function interrupted() {
  const directory = await scratch();
  const source = { files: new Place(), path: join(directory, 'source') };
  const target = { files: new Place(), path: join(directory, 'target') };
  await writeFile(source.path, CONTENT);
  source.files.failsFrom = 9 * MIB;
  const failure = await transferFile(source, target).catch((error: unknown) => error);
  source.files.failsFrom = Number.POSITIVE_INFINITY;
  source.files.bytesRead = 0;
  if (!(failure instanceof TransferInterruptedError)) throw failure;
  return { directory, source, target, failure };
}

describe('transferFile', () => {
  it.each([
    0,
    1,
    WHOLE_TRANSFER_MAX_BYTES,
    WHOLE_TRANSFER_MAX_BYTES + 1,
    LARGE,
  ])('copies %i bytes, and leaves nothing else', async (bytes) => {
    const directory = await scratch();
    const [source, target] = ['source', 'target'].map((name) => ({ files: new Place(), path: join(directory, name) }));
    if (!source || !target) throw new Error('there are two');
    await writeFile(source.path, pattern(bytes));
    const done: number[] = [];
    const result = await transferFile(source, target, { onProgress: ({ doneBytes }) => done.push(doneBytes) });
    expect(result).toEqual({ bytes, sourceChanged: false });
    expect((await readFile(target.path)).equals(pattern(bytes))).toBe(true);
    expect((await readdir(directory)).sort()).toEqual(['source', 'target']);
    expect(done.at(-1)).toBe(bytes);
  });

  it('leaves the mode of a small target, and a link a link', async () => {
    const directory = await scratch();
    await writeFile(join(directory, 'source'), 'new');
    await writeFile(join(directory, 'real'), 'old');
    await chmod(join(directory, 'real'), 0o755);
    await symlink('real', join(directory, 'link'));
    const files = new Place();
    await transferFile({ files, path: join(directory, 'source') }, { files, path: join(directory, 'link') });
    expect(await readFile(join(directory, 'real'), 'utf8')).toBe('new');
    expect((await stat(join(directory, 'real'))).mode & 0o777).toBe(0o755);
    await writeFile(join(directory, 'source'), CONTENT);
    await transferFile({ files, path: join(directory, 'source') }, { files, path: join(directory, 'link') });
    expect((await readFile(join(directory, 'real'))).equals(CONTENT)).toBe(true);
  });

  it('leaves the target as it was until everything has come', async () => {
    const { directory, failure, target } = await interrupted();
    expect(failure.message).toMatch(/^the link is cut; .*\.part, and the same copy goes on from there$/);
    expect(failure.partPath).toMatch(new RegExp(`^${target.path}\\.[0-9a-f]{8}\\.part$`));
    expect((await readdir(directory)).map((name) => join(directory, name)).sort()).toEqual(
      [join(directory, 'source'), failure.partPath].sort(),
    );
  });

  it('goes on where it was interrupted, but for the blocks that were on the way', async () => {
    const { directory, source, target } = await interrupted();
    let from = 0;
    await transferFile(source, target, {
      onProgress: ({ resumedAt }) => {
        from = resumedAt;
      },
    });
    expect((await readFile(target.path)).equals(CONTENT)).toBe(true);
    expect(from).toBe(9 * MIB - BLOCKS_AHEAD * STREAM_BLOCK_BYTES);
    expect(source.files.bytesRead).toBe(LARGE - from + STREAM_BLOCK_BYTES); // and the block that was compared
    expect((await readdir(directory)).sort()).toEqual(['source', 'target']);
  });

  it('begins anew when what is there is not the beginning', async () => {
    const { source, target, failure } = await interrupted();
    await writeFile(failure.partPath, pattern(9 * MIB, 7));
    await transferFile(source, target);
    expect((await readFile(target.path)).equals(CONTENT)).toBe(true);
    expect(source.files.bytesRead).toBe(LARGE + STREAM_BLOCK_BYTES);
  });

  it('does not go on with what came of another version of the source', async () => {
    const { source, target, failure } = await interrupted();
    await utimes(source.path, new Date(0), new Date(1000));
    await transferFile(source, target);
    expect(source.files.bytesRead).toBe(LARGE);
    expect((await stat(failure.partPath)).size).toBe(9 * MIB);
  });

  it('says when the source was written to meanwhile', async () => {
    const directory = await scratch();
    const files = new Place();
    const path = join(directory, 'source');
    await writeFile(path, CONTENT);
    const { sourceChanged } = await transferFile(
      { files, path },
      { files, path: join(directory, 'target') },
      { onProgress: () => void utimes(path, new Date(), new Date(5000)) },
    );
    expect(sourceChanged).toBe(true);
  });

  it('refuses to end with more than the source has, when that has become shorter', async () => {
    const { source, target } = await interrupted();
    const shorten = source.files.open.bind(source.files);
    let opened = 0;
    source.files.open = async (path, options) => {
      if (++opened === 2) await truncate(source.path, 6 * MIB);
      return shorten(path, options);
    };
    await expect(transferFile(source, target)).rejects.toThrow('shorter');
    await expect(stat(target.path)).rejects.toThrow('ENOENT');
  });

  it('ends with its signal, and can be gone on from', async () => {
    const directory = await scratch();
    const files = new Place();
    await writeFile(join(directory, 'source'), CONTENT);
    const stop = new AbortController();
    const transfer = transferFile(
      { files, path: join(directory, 'source') },
      { files, path: join(directory, 'target') },
      {
        signal: stop.signal,
        onProgress: ({ doneBytes }) => {
          if (doneBytes >= 2 * MIB) stop.abort(new Error('enough'));
        },
      },
    );
    await expect(transfer).rejects.toThrow(/^enough; .*\.part, and the same copy goes on/);
  });

  it('leaves nothing behind when nothing came', async () => {
    const directory = await scratch();
    const source = { files: new Place(), path: join(directory, 'source') };
    await writeFile(source.path, CONTENT);
    source.files.failsFrom = 0;
    await expect(transferFile(source, { files: new Place(), path: join(directory, 'target') })).rejects.toThrow(
      /^the link is cut$/,
    );
    expect(await readdir(directory)).toEqual(['source']);
  });

  it('writes in place where files cannot be opened for update', async () => {
    const directory = await scratch();
    const old = new (class extends Place {
      override open(path: string, options: FileOptions & { mode?: OpenMode | undefined } = {}): Promise<OpenFile> {
        if (options.mode !== 'update') return super.open(path, options);
        return Promise.reject(new WireError(ErrorCode.unknownMethod, 'unknown', { kind: 'capability_unavailable' }));
      }
    })();
    await writeFile(join(directory, 'source'), CONTENT);
    await transferFile(
      { files: new Place(), path: join(directory, 'source') },
      { files: old, path: join(directory, 'target') },
    );
    expect((await readFile(join(directory, 'target'))).equals(CONTENT)).toBe(true);
    expect((await readdir(directory)).sort()).toEqual(['source', 'target']);
  });
});

describe('transferTree', () => {
  it('copies what is below, merges, follows links to files, and says what it skips and what fails', async () => {
    const directory = await scratch();
    const at = (path: string) => join(directory, path);
    await mkdir(at('from/a/b'), { recursive: true });
    await mkdir(at('to/a'), { recursive: true });
    await mkdir(at('to/clash'));
    await writeFile(at('from/a/b/deep'), 'deep');
    await writeFile(at('from/clash'), 'a file');
    await writeFile(at('to/a/kept'), 'kept');
    await symlink('a/b/deep', at('from/link'));
    await symlink('a', at('from/loop'));
    const files = new Place();
    const skipped: string[] = [];
    const failed: string[] = [];
    const done: string[] = [];
    await transferTree(
      { files, path: at('from') },
      { files, path: at('to') },
      {
        onFile: (event) => event.type === 'done' && done.push(event.source),
        onSkipped: (path) => skipped.push(path),
        onFailed: (path) => failed.push(path),
      },
    );
    expect(await readFile(at('to/a/b/deep'), 'utf8')).toBe('deep');
    expect(await readFile(at('to/link'), 'utf8')).toBe('deep');
    expect(await readFile(at('to/a/kept'), 'utf8')).toBe('kept');
    expect([done.sort(), skipped, failed]).toEqual([
      [at('from/a/b/deep'), at('from/link')],
      [at('from/loop')],
      [at('from/clash')],
    ]);
  });
});
