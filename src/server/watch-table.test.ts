import { expect, test } from 'vitest';
import { deferred, until } from '../../test/harness/index.js';
import type { FileChanges, FileWatcher } from '../files/types.js';
import { invalidRequest } from '../protocol/errors.js';
import { MAX_CHANGED_PATHS } from '../protocol/limits.js';
import type { Channel } from '../rpc/channel.js';
import { MAX_WATCHES } from './limits.js';
import { WatchTable } from './watch-table.js';

/** A watcher that sees what the test says. */
class Eye implements FileWatcher {
  closed = false;
  readonly #seen: (FileChanges | Error)[] = [];
  #wake: () => void = () => undefined;

  sees(...changedPaths: string[]): void {
    this.push({ changedPaths, overflow: false });
  }

  push(seen: FileChanges | Error): void {
    this.#seen.push(seen);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FileChanges> {
    while (!this.closed) {
      const seen = this.#seen.shift();
      if (seen instanceof Error) throw seen;
      if (seen) yield seen;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.#wake();
  }
}

/** Notes what is sent, and is full while the test says so. */
class NotingChannel {
  readonly sent: Record<string, unknown>[] = [];
  full: ReturnType<typeof deferred<void>> | undefined;

  send(text: string): void {
    this.sent.push(JSON.parse(text).params);
  }

  drained(): Promise<void> | undefined {
    return this.full?.promise;
  }

  asChannel(): Channel {
    return this as unknown as Channel;
  }

  get paths(): unknown[] {
    return this.sent.flatMap(({ changedPaths }) => changedPaths);
  }
}

async function watching(table = new WatchTable(), watchId = 'w') {
  const eye = new Eye();
  const channel = new NotingChannel();
  table.attach(channel.asChannel());
  await table.start(
    { watchId, dialect: 'plain' },
    async () => eye,
    (tell) => tell(),
  );
  return { table, eye, channel };
}

test('what a watch sees is told to the attached channel, in the dialect of the request', async () => {
  const { table, eye, channel } = await watching();
  eye.sees('/a b');
  await until(() => channel.sent.length === 1);
  expect(channel.sent).toEqual([{ watchId: 'w', changedPaths: ['/a b'], overflow: false }]);

  const other = new Eye();
  await table.start(
    { watchId: 'uri', dialect: 'uri' },
    async () => other,
    (tell) => tell(),
  );
  other.sees('/a b');
  await until(() => channel.sent.length === 2);
  expect(channel.sent[1]).toMatchObject({ changedPaths: ['file:///a%20b'] });
});

test('nothing is told before the answer', async () => {
  const table = new WatchTable();
  const channel = new NotingChannel();
  const eye = new Eye();
  table.attach(channel.asChannel());
  let tell: () => void = () => undefined;
  await table.start(
    { watchId: 'w', dialect: 'plain' },
    async () => eye,
    (action) => {
      tell = action;
    },
  );
  eye.sees('/early');
  await new Promise((resolve) => setImmediate(resolve));
  expect(channel.sent).toEqual([]);
  tell();
  await until(() => channel.paths.length === 1);
});

test('while the channel is full, changes are gathered: each path once, in one notification', async () => {
  const { eye, channel } = await watching();
  channel.full = deferred<void>();
  for (const path of ['/a', '/b', '/a', '/b', '/c']) eye.sees(path);
  await new Promise((resolve) => setImmediate(resolve));
  expect(channel.sent).toEqual([]);
  const { resolve } = channel.full;
  channel.full = undefined;
  resolve();
  await until(() => channel.sent.length > 0);
  expect(channel.sent).toEqual([{ watchId: 'w', changedPaths: ['/a', '/b', '/c'], overflow: false }]);
});

test('more changes than are kept become an overflow', async () => {
  const { table, eye } = await watching();
  table.detach();
  for (let i = 0; i <= MAX_CHANGED_PATHS; i++) eye.sees(`/${i}`);
  await new Promise((resolve) => setImmediate(resolve));
  const next = new NotingChannel();
  table.attach(next.asChannel());
  await until(() => next.sent.length > 0);
  expect(next.sent).toEqual([{ watchId: 'w', changedPaths: [], overflow: true }]);
});

test('the next channel is told what happened without one, and what may have been lost with the last', async () => {
  const { table, eye, channel } = await watching();
  eye.sees('/perhaps-lost');
  await until(() => channel.paths.length === 1);
  table.detach();
  eye.sees('/meanwhile');
  await new Promise((resolve) => setImmediate(resolve));
  const next = new NotingChannel();
  table.attach(next.asChannel());
  await until(() => next.paths.length === 2);
  expect(new Set(next.paths)).toEqual(new Set(['/perhaps-lost', '/meanwhile']));
  expect(channel.paths).toEqual(['/perhaps-lost']);
});

test('a watch that fails tells why, after what it saw, and again to the next channel', async () => {
  const { table, eye, channel } = await watching();
  eye.sees('/last');
  eye.push(invalidRequest('not_found', 'it is gone'));
  await until(() => channel.sent.length === 2);
  const told = { watchId: 'w', changedPaths: [], overflow: false, error: { message: 'it is gone' } };
  expect(channel.sent).toMatchObject([{ changedPaths: ['/last'] }, told]);
  const next = new NotingChannel();
  table.attach(next.asChannel());
  await until(() => next.sent.length === 2);
  expect(next.sent[1]).toMatchObject(told);
});

test('an id in use is refused, and free again once stopped; nothing more is told then', async () => {
  const { table, eye, channel } = await watching();
  const again = () => watching(table);
  await expect(again()).rejects.toMatchObject({ kind: 'watch_exists' });
  await table.stop('w');
  expect(eye.closed).toBe(true);
  eye.sees('/late');
  await again();
  expect(channel.paths).toEqual([]);
});

test('one that cannot be watched frees its id', async () => {
  const table = new WatchTable();
  const failing = table.start(
    { watchId: 'w', dialect: 'plain' },
    () => Promise.reject(new Error('no')),
    (tell) => tell(),
  );
  await expect(failing).rejects.toThrow('no');
  await watching(table);
});

test('a session has so many watches and no more', async () => {
  const table = new WatchTable();
  for (let i = 0; i < MAX_WATCHES; i++) await watching(table, String(i));
  await expect(watching(table, 'more')).rejects.toMatchObject({ kind: 'limit_reached' });
});

test('the end of the session ends all watches, those too that are only beginning', async () => {
  const { table, eye } = await watching();
  const late = new Eye();
  const begun = deferred<FileWatcher>();
  const starting = table.start(
    { watchId: 'late', dialect: 'plain' },
    () => begun.promise,
    (tell) => tell(),
  );
  const closed = table.closeAll();
  begun.resolve(late);
  await Promise.all([starting, closed]);
  expect([eye.closed, late.closed]).toEqual([true, true]);
});
