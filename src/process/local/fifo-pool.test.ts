import { closeSync, fstatSync, readdirSync, readSync, writeSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { countDescriptors, until } from '../../../test/harness/index.js';
import { scratchDir } from '../../../test/processes/scratch-dir.js';
import type { Pipe } from './child.js';
import { FifoPool } from './fifo-pool.js';
import { FIFO_BATCH } from './limits.js';

function newPool(directory = scratchDir()): FifoPool {
  const pool = new FifoPool(directory);
  onTestFinished(() => pool.close());
  return pool;
}

function close({ readFd, writeFd }: Pipe): void {
  closeSync(readFd);
  closeSync(writeFd);
}

test.each(['input', 'output'] as const)('what is written into a pipe for %s comes out of it', async (direction) => {
  const pipe = await newPool().open(direction);
  expect(fstatSync(pipe.readFd).isFIFO()).toBe(true);
  writeSync(pipe.writeFd, 'through');
  const buffer = Buffer.alloc(100);
  expect(buffer.toString('utf8', 0, readSync(pipe.readFd, buffer))).toBe('through');
  close(pipe);
});

test('our end does not block', async () => {
  const pool = newPool();
  const output = await pool.open('output');
  expect(() => readSync(output.readFd, Buffer.alloc(1))).toThrow('EAGAIN');
  close(output);
  const input = await pool.open('input');
  const flood = () => {
    for (;;) writeSync(input.writeFd, Buffer.alloc(65_536));
  };
  expect(flood).toThrow('EAGAIN');
  close(input);
});

test('reading ends when the writer has gone, and writing fails when the reader has: no further end is open', async () => {
  const pool = newPool();
  for (const direction of ['input', 'output'] as const) {
    const read = await pool.open(direction);
    closeSync(read.writeFd);
    expect(readSync(read.readFd, Buffer.alloc(1))).toBe(0);
    closeSync(read.readFd);
    const written = await pool.open(direction);
    closeSync(written.readFd);
    expect(() => writeSync(written.writeFd, 'x')).toThrow('EPIPE');
    closeSync(written.writeFd);
  }
});

test('more pipes than a batch has, all at once, are all different and leave no names behind', async () => {
  const directory = scratchDir();
  const pool = newPool(directory);
  const before = countDescriptors();
  const pipes = await Promise.all(Array.from({ length: 3 * FIFO_BATCH }, () => pool.open('output')));
  expect(new Set(pipes.map(({ readFd }) => fstatSync(readFd).ino)).size).toBe(pipes.length);
  for (const pipe of pipes) close(pipe);
  await pool.close();
  expect(readdirSync(directory).length).toBeLessThanOrEqual(FIFO_BATCH); // made ahead of need; the directory goes with the backend
  await until(() => countDescriptors() <= before);
});

test('where fifos cannot be made, opening says why', async () => {
  const pool = newPool('/missing');
  await expect(pool.open('output')).rejects.toThrow('cannot make pipes with mkfifo');
  await expect(pool.open('input')).rejects.toThrow('cannot make pipes with mkfifo');
});

test('a closed pool gives no pipes once its stock has gone', async () => {
  const pool = newPool();
  await pool.close();
  const stock: Pipe[] = [];
  const takeAll = async () => {
    for (;;) stock.push(await pool.open('output'));
  };
  await expect(takeAll()).rejects.toThrow('closed');
  for (const pipe of stock) close(pipe);
});
