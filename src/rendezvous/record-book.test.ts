import { expect, test, vi } from 'vitest';
import { deferred, until } from '../../test/harness/index.js';
import type { EnvironmentRecord, ExecutorConnection } from './cluster.js';
import { RendezvousError } from './errors.js';
import type { ExecutorLink } from './executor-link.js';
import { MemoryCluster } from './memory-cluster.js';
import { changeRecord, RecordBook } from './record-book.js';

function linkOf(connectionId: string, sinceMs = 1_000): ExecutorLink {
  const connection: ExecutorConnection = { nodeId: 'here', connectionId, sinceMs, kind: 'control', harnesses: 0 };
  return {
    environmentId: 'box',
    registrationId: 'reg-1',
    connection,
    ended: deferred<string>().promise,
    probe: async () => true,
    pair: async () => undefined,
    unpaired: () => undefined,
    drop: () => undefined,
    move: () => undefined,
  };
}

const record = (link: ExecutorLink): EnvironmentRecord => ({
  environmentId: 'box',
  registrationId: 'reg-1',
  owner: 'me',
  labels: {},
  registeredAtMs: 0,
  lastSeenAtMs: 0,
  connection: { ...link.connection },
});

async function withLink() {
  const cluster = new MemoryCluster();
  const book = new RecordBook(cluster, undefined);
  const link = linkOf('connection-1');
  await cluster.put(record(link), undefined);
  book.add(link, record(link));
  const current = async () => (await cluster.get('box'))?.value;
  return { cluster, book, link, current };
}

test('what changes of a link, and its end, is written', async () => {
  const { book, link, current } = await withLink();
  (link.connection as ExecutorConnection).harnesses = 2;
  book.changed('connection-1');
  await until(async () => (await current())?.connection?.harnesses === 2);
  book.ended('connection-1');
  await until(async () => (await current())?.connection === undefined);
  expect((await current())?.lastSeenAtMs).toBeGreaterThan(0);
});

test('the end of a link leaves a later connection, and a later registration, as they are', async () => {
  const { cluster, book, current } = await withLink();
  const later = linkOf('connection-2', 2_000).connection;
  await changeRecord(cluster, 'box', async (found) => ({ ...(found as EnvironmentRecord), connection: { ...later } }));
  book.ended('connection-1');
  await book.restore();
  expect((await current())?.connection?.connectionId).toBe('connection-2');
});

test('records that were lost, or are older, are put again', async () => {
  const { cluster, book, link } = await withLink();
  const put = vi.spyOn(cluster, 'put');
  vi.spyOn(cluster, 'get').mockResolvedValueOnce(undefined);
  put.mockImplementationOnce(async () => 1);
  await book.restore();
  expect(put).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ environmentId: 'box', owner: 'me', connection: { ...link.connection } }),
    undefined,
  );
});

test('what could not be written is written later', async () => {
  const { cluster, book, current } = await withLink();
  vi.spyOn(cluster, 'put').mockRejectedValueOnce(new RendezvousError('cluster_unreachable', 'NATS is away'));
  book.ended('connection-1');
  await until(async () => (await current())?.connection === undefined, { timeoutMs: 10_000 });
});
