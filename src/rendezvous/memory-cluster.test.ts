import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { deferred } from '../../test/harness/index.js';
import { ChangedError, type EnvironmentRecord, type PairHandler, type PairRequest } from './cluster.js';
import { RendezvousError } from './errors.js';
import { MemoryCluster } from './memory-cluster.js';

const request: PairRequest = {
  pairId: 'pair-1',
  environmentId: 'box',
  registrationId: 'reg-1',
  connectionId: 'connection-1',
  harnessOwner: 'me',
  nodeId: 'here',
};

function record(environmentId: string): EnvironmentRecord {
  const now = Date.now();
  return { environmentId, registrationId: 'reg-1', owner: 'me', labels: {}, registeredAtMs: now, lastSeenAtMs: now };
}

const newEnd = () => new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });

async function started(pair: PairHandler['pair']) {
  const cluster = new MemoryCluster();
  const unpaired: string[] = [];
  await cluster.start({
    pair,
    unpaired: ({ pairId }) => unpaired.push(pairId),
    askLink: async () => false,
    restore: async () => undefined,
  });
  return { cluster, unpaired };
}

test('a record is only replaced by who has read it', async () => {
  const cluster = new MemoryCluster();
  const revision = await cluster.put(record('box'), undefined);
  await expect(cluster.put(record('box'), undefined)).rejects.toThrow(ChangedError);
  await cluster.put(record('box'), revision);
  await expect(cluster.put(record('box'), revision)).rejects.toThrow(ChangedError);
  await cluster.close();
});

test('an end that is delivered goes to who waits for it, and the pair ends with it', async () => {
  const dialled = deferred();
  const { cluster, unpaired } = await started(async () => {
    dialled.resolve();
    return undefined;
  });
  const waiting = cluster.requestPair('here', request, new AbortController().signal);
  await dialled.promise;
  const end = newEnd();
  await cluster.deliver('pair-1', 'here', end);
  expect(await waiting).toBe(end);
  expect(unpaired).toEqual([]);
  end.destroy();
  await new Promise((resolve) => end.once('close', resolve));
  expect(unpaired).toEqual(['pair-1']);
  await expect(cluster.deliver('pair-1', 'here', newEnd())).rejects.toThrow('waits no more');
  await cluster.close();
});

test('an end that comes after its harness has given up is destroyed', async () => {
  const late = newEnd();
  const held = deferred();
  const { cluster, unpaired } = await started(async () => {
    await held.promise;
    return late;
  });
  const givenUp = new AbortController();
  const waiting = cluster.requestPair('here', request, givenUp.signal);
  givenUp.abort(new Error('the harness has gone'));
  await expect(waiting).rejects.toThrow('the harness has gone');
  held.resolve();
  await new Promise((resolve) => late.once('close', resolve));
  expect(unpaired).toEqual(['pair-1']);
  await cluster.close();
});

test('a pair that the holder refuses has never been one', async () => {
  const { cluster, unpaired } = await started(async () => {
    throw new RendezvousError('environment_in_use', 'another one has it');
  });
  const waiting = cluster.requestPair('here', request, new AbortController().signal);
  await expect(waiting).rejects.toThrow('another one has it');
  expect(unpaired).toEqual([]);
  await cluster.close();
});

test('closing refuses who waits', async () => {
  const { cluster } = await started(async () => undefined);
  const waiting = cluster.requestPair('here', request, new AbortController().signal);
  await cluster.close();
  await expect(waiting).rejects.toMatchObject({ code: 'draining' });
});
