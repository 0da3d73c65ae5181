import { expect, test } from 'vitest';
import type { FileSystem } from '../../src/files/types.js';
import { atEnd, deferred, isAlive, partialFiles, RawClient, shell, startInProcess, until } from '../harness/index.js';

/** Files that take as long as the test wants: a network mount that hangs, a fifo. */
function slowFiles(): { files: FileSystem; finish: () => void } {
  const read = deferred<Buffer>();
  const files = partialFiles({ readFile: () => read.promise });
  return { files, finish: () => read.resolve(Buffer.from('at last')) };
}

test('a long poll, a blocked write and a slow file delay nothing: terminate is answered before them', async () => {
  const { files, finish } = slowFiles();
  atEnd(finish);
  const client = await RawClient.open((await startInProcess({ files })).url);
  const sleeper = (id: string) => shell(id, 'exec sleep 60', { pipeStdin: true });
  for (const id of ['polled', 'full', 'victim']) await client.result('process/start', sleeper(id));

  const answered: string[] = [];
  const note = (name: string, answer: Promise<{ error?: unknown }>) =>
    answer.then((message) => {
      answered.push(name);
      return message;
    });
  const poll = note('poll', client.request('process/read', { processId: 'polled', waitMs: 60_000 }));
  const chunk = Buffer.alloc(4 * 1024 * 1024, 'x').toString('base64');
  const write = note('write', client.request('process/write', { processId: 'full', chunk }));
  const file = note('file', client.request('fs/readFile', { path: '/slow' }));
  await client.result('process/terminate', { processId: 'victim' });
  await client.collect('victim');
  expect(answered).toEqual([]);

  // And each of the three is ended by what it waits for, no other.
  finish();
  expect((await file).error).toBeUndefined();
  expect(answered).toEqual(['file']);
  await client.result('process/terminate', { processId: 'polled' });
  await poll;
  expect(answered).toEqual(['file', 'poll']);
  await client.result('process/terminate', { processId: 'full' });
  await write;
});

test('writes to one process keep their order, however many are under way', async () => {
  const client = await RawClient.open((await startInProcess()).url);
  await client.result('process/start', shell('p', 'exec cat', { pipeStdin: true }));
  const lines = Array.from({ length: 300 }, (_, i) => `line ${i}\n`);
  const done = client.collect('p');
  const writes = lines.map((line, i) =>
    client.result('process/write', { processId: 'p', chunk: Buffer.from(line).toString('base64'), writeId: `w${i}` }),
  );
  expect(await Promise.all(writes)).toEqual(lines.map(() => ({ status: 'accepted' })));
  await client.result('process/closeStdin', { processId: 'p' });
  expect((await done).stdout).toBe(lines.join(''));
});

test('the answer to start comes before what the process says, every time', async () => {
  const client = await RawClient.open((await startInProcess()).url);
  const ids = Array.from({ length: 60 }, (_, i) => `p${i}`);
  const ends = ids.map((id) => client.collect(id));
  const answers = ids.map((id) => client.request('process/start', shell(id, 'echo x')));
  await Promise.all([...answers, ...ends]);
  for (const id of ids) {
    const about = client.messages.filter((m) => m.result?.processId === id || m.params?.processId === id);
    expect(about.map(({ method }) => method ?? 'answer')).toEqual([
      'answer',
      'process/output',
      'process/exited',
      'process/closed',
    ]);
    expect(client.notifications(id).map(({ params }) => params?.seq)).toEqual([1, 2, 3]);
  }
});

test('a request that comes while its process is being started waits for it', async () => {
  const client = await RawClient.open((await startInProcess()).url);
  const start = client.request('process/start', shell('p', 'exec cat', { pipeStdin: true }));
  const write = client.request('process/write', { processId: 'p', chunk: Buffer.from('hi').toString('base64') });
  const read = client.request('process/read', { processId: 'p', waitMs: 5_000 });
  expect((await start).error).toBeUndefined();
  expect((await write).result).toEqual({ status: 'accepted' });
  expect((await read).result).toMatchObject({ chunks: [{ seq: 1, chunk: Buffer.from('hi').toString('base64') }] });
});

test('what waits on a connection that ends is given up, and the session lives on', async () => {
  const { url, server } = await startInProcess();
  const client = await RawClient.open(url);
  await client.result('process/start', shell('p', 'exec sleep 60'));
  const { processes } = await client.result('process/list');
  const [{ pid }] = processes as [{ pid: number }];
  void client.request('process/read', { processId: 'p', waitMs: 60_000 });
  await client.result('environment/status');
  client.cut();
  await until(() => server.connectionCount === 0);
  const again = await RawClient.open(url, { resumeSessionId: client.sessionId });
  expect((await again.result('process/read', { processId: 'p' })).exited).toBe(false);
  expect(isAlive(pid)).toBe(true);
});
