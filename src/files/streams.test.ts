import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ErrorCode, WireError } from '../protocol/errors.js';
import { readTextFile, writeTextFile } from './conveniences.js';
import { STREAM_BLOCK_BYTES as BLOCK, BLOCKS_AHEAD, WHOLE_FILE_MAX_BYTES } from './limits.js';
import { LocalFileSystem } from './local/local-file-system.js';
import { readStream } from './read-stream.js';
import type { FileOptions, OpenFile, OpenMode } from './types.js';
import { writeStream } from './write-stream.js';

async function temporaryFile(content: Buffer | string = ''): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'streams-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'f'), content);
  return join(directory, 'f');
}

function pattern(bytes: number): Buffer {
  return Buffer.from(Uint32Array.from({ length: Math.ceil(bytes / 4) }, (_, i) => i * 2654435761).buffer).subarray(
    0,
    bytes,
  );
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) {
    expect(chunk.length).toBeGreaterThan(0);
    expect(chunk.length).toBeLessThanOrEqual(BLOCK);
    all.push(chunk);
  }
  return Buffer.concat(all);
}

/** Real files, whose blocks wait until they are let through; counts what is going on. */
class GatedFiles extends LocalFileSystem {
  open_ = 0;
  closed = 0;
  inFlight = 0;
  most = 0;
  #gate: Promise<void> = Promise.resolve();
  failWritesFrom = Number.POSITIVE_INFINITY;

  hold(): () => void {
    let release: () => void = () => undefined;
    this.#gate = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  override async open(path: string, options: FileOptions & { mode?: OpenMode | undefined } = {}): Promise<OpenFile> {
    const file = await super.open(path, options);
    this.open_++;
    return {
      readBlock: (offset, length) => this.#counted(() => file.readBlock(offset, length)),
      writeBlock: (offset, chunk) =>
        this.#counted(async () => {
          if (offset >= this.failWritesFrom) throw new Error(`no room at ${offset}`);
          await file.writeBlock(offset, chunk);
        }),
      close: async () => {
        this.closed++;
        await file.close();
      },
    };
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.most = Math.max(this.most, ++this.inFlight);
    try {
      await this.#gate;
      return await work();
    } finally {
      this.inFlight--;
    }
  }
}

/** A place without open files, as real servers up to 0.129. */
class WholeFiles extends LocalFileSystem {
  override open(): Promise<OpenFile> {
    return Promise.reject(new WireError(ErrorCode.unknownMethod, 'unknown method', { kind: 'unknown_method' }));
  }
}

describe('readStream', () => {
  it.each([0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 6 * BLOCK + 5])('returns all of %i bytes', async (bytes) => {
    const content = pattern(bytes);
    const files = new GatedFiles();
    expect((await collect(readStream(files, await temporaryFile(content)))).equals(content)).toBe(true);
    expect([files.open_, files.closed, files.inFlight]).toEqual([1, 1, 0]);
  });

  it('begins where it is told, also at the end and beyond', async () => {
    const path = await temporaryFile(pattern(3 * BLOCK));
    const files = new LocalFileSystem();
    expect(
      (await collect(readStream(files, path, { start: BLOCK + 7 }))).equals(pattern(3 * BLOCK).subarray(BLOCK + 7)),
    ).toBe(true);
    for (const start of [3 * BLOCK, 4 * BLOCK])
      expect(await collect(readStream(files, path, { start }))).toHaveLength(0);
  });

  it('asks for one block first, then for a few ahead, and for no more while nobody pulls', async () => {
    const files = new GatedFiles();
    const stream = readStream(files, await temporaryFile(pattern(20 * BLOCK)));
    await stream.next();
    expect(files.most).toBe(1);
    const release = files.hold();
    const second = stream.next();
    await expect.poll(() => files.inFlight).toBe(BLOCKS_AHEAD);
    release();
    await second;
    await expect.poll(() => files.inFlight).toBe(0);
    await stream.return();
    expect([files.most, files.closed]).toEqual([BLOCKS_AHEAD, 1]);
  });

  it('closes the file when whoever reads leaves early', async () => {
    const files = new GatedFiles();
    for await (const chunk of readStream(files, await temporaryFile(pattern(3 * BLOCK)))) {
      expect(chunk).toHaveLength(BLOCK);
      break;
    }
    expect(files.closed).toBe(1);
  });

  it('ends at once with the reason of its signal, and closes the file', async () => {
    const files = new GatedFiles();
    const stop = new AbortController();
    const stream = readStream(files, await temporaryFile(pattern(3 * BLOCK)), { signal: stop.signal });
    await stream.next();
    const release = files.hold();
    const next = stream.next();
    stop.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    release();
    await expect.poll(() => files.closed).toBe(1);
    await expect(readStream(files, '/none', { signal: stop.signal }).next()).rejects.toThrow('enough');
  });

  it('rejects with what opening rejects with', async () => {
    await expect(collect(readStream(new LocalFileSystem(), '/none/f'))).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('reads a file whole where none can be opened, and refuses one that is too large for that', async () => {
    const path = await temporaryFile(pattern(2 * BLOCK + 1));
    const files = new WholeFiles();
    expect((await collect(readStream(files, path))).equals(pattern(2 * BLOCK + 1))).toBe(true);
    expect(await collect(readStream(files, path, { start: 2 * BLOCK }))).toHaveLength(1);
    await truncate(path, WHOLE_FILE_MAX_BYTES + 1);
    await expect(collect(readStream(files, path))).rejects.toMatchObject({ kind: 'too_large' });
  });
});

describe('writeStream', () => {
  it.each([
    0,
    1,
    BLOCK - 1,
    BLOCK,
    BLOCK + 1,
    6 * BLOCK + 5,
  ])('writes all of %i bytes, in chunks of any size', async (bytes) => {
    const content = pattern(bytes);
    for (const size of [bytes || 1, 300_001, BLOCK]) {
      const files = new GatedFiles();
      const path = await temporaryFile('old');
      const writer = await writeStream(files, path);
      for (let at = 0; at < bytes; at += size) await writer.write(content.subarray(at, at + size));
      await Promise.all([writer.close(), writer.close()]);
      expect((await readFile(path)).equals(content)).toBe(true);
      expect([writer.writtenBytes, files.closed]).toEqual([bytes, 1]);
      expect(files.most).toBeLessThanOrEqual(BLOCKS_AHEAD);
    }
  });

  it('updates from an offset on, and keeps the rest', async () => {
    const path = await temporaryFile('0123456789');
    const writer = await writeStream(new LocalFileSystem(), path, { mode: 'update', start: 4 });
    await writer.write(Buffer.from('ab'));
    await writer.close();
    expect(await readFile(path, 'utf8')).toBe('0123ab6789');
  });

  it('holds back who writes while a few blocks are on the way', async () => {
    const files = new GatedFiles();
    const release = files.hold();
    const writer = await writeStream(files, await temporaryFile());
    for (let i = 0; i < BLOCKS_AHEAD; i++) await writer.write(Buffer.alloc(BLOCK));
    let took = false;
    const more = writer.write(Buffer.alloc(BLOCK)).then(() => {
      took = true;
    });
    await expect.poll(() => files.inFlight).toBe(BLOCKS_AHEAD);
    expect([took, writer.writtenBytes]).toEqual([false, 0]);
    release();
    await more;
    await writer.close();
    expect(writer.writtenBytes).toBe((BLOCKS_AHEAD + 1) * BLOCK);
  });

  it('rejects with the first failure from then on, and closes the file', async () => {
    const files = new GatedFiles();
    files.failWritesFrom = 2 * BLOCK;
    const writer = await writeStream(files, await temporaryFile());
    const writing = async () => {
      for (let i = 0; i < 20; i++) await writer.write(Buffer.alloc(BLOCK));
    };
    await expect(writing()).rejects.toThrow(`no room at ${2 * BLOCK}`);
    await expect(writer.write(Buffer.alloc(1))).rejects.toThrow(`no room at ${2 * BLOCK}`);
    await expect(writer.close()).rejects.toThrow(`no room at ${2 * BLOCK}`);
    expect([writer.writtenBytes, files.closed, files.inFlight]).toEqual([2 * BLOCK, 1, 0]);
  });

  it('leaves what is written when it is aborted, and takes no more', async () => {
    const files = new GatedFiles();
    const path = await temporaryFile();
    const writer = await writeStream(files, path);
    await writer.write(Buffer.alloc(BLOCK, 'a'));
    await writer.write(Buffer.alloc(5, 'b'));
    await writer.abort();
    expect((await readFile(path)).equals(Buffer.alloc(BLOCK, 'a'))).toBe(true);
    await expect(writer.write(Buffer.alloc(1))).rejects.toThrow('after close');
    expect(files.closed).toBe(1);
  });

  it('writes a file whole where none can be opened, up to what one message carries', async () => {
    const files = new WholeFiles();
    const path = await temporaryFile('old');
    const writer = await writeStream(files, path);
    await writer.write(pattern(2 * BLOCK));
    expect(await readFile(path, 'utf8')).toBe('old');
    await writer.close();
    expect((await readFile(path)).equals(pattern(2 * BLOCK))).toBe(true);

    const tooMuch = await writeStream(files, path);
    await tooMuch.write(Buffer.alloc(WHOLE_FILE_MAX_BYTES));
    await expect(tooMuch.write(Buffer.alloc(1))).rejects.toMatchObject({ kind: 'too_large' });
    await tooMuch.close();
    expect((await readFile(path)).equals(pattern(2 * BLOCK))).toBe(true);
    await expect(writeStream(files, path, { mode: 'update' })).rejects.toMatchObject({ code: ErrorCode.unknownMethod });
  });
});

describe('text', () => {
  const files = new LocalFileSystem();

  it('comes back as it was written, byte order mark and all', async () => {
    const path = await temporaryFile();
    await writeTextFile(files, path, '\ufeffäöü 🙂\n');
    expect(await readFile(path)).toEqual(Buffer.from('\ufeffäöü 🙂\n'));
    expect(await readTextFile(files, path)).toBe('\ufeffäöü 🙂\n');
  });

  it('is refused where bytes or half characters would be lost', async () => {
    const path = await temporaryFile(Buffer.from([0x61, 0xff]));
    await expect(readTextFile(files, path)).rejects.toMatchObject({ kind: 'invalid_input', data: { path } });
    await expect(writeTextFile(files, path, 'x\ud800')).rejects.toMatchObject({ kind: 'invalid_input' });
    await expect(readTextFile(files, path, { maxBytes: 1 })).rejects.toMatchObject({ kind: 'too_large' });
  });
});
