import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { ChangedError, type EnvironmentRecord } from '../../src/rendezvous/cluster.js';
import { RendezvousError } from '../../src/rendezvous/errors.js';
import { atEnd } from '../harness/cleanup.js';
import { until, whenClosed } from '../harness/until.js';
import { pairRequest, startNode, twoNodes, wire } from './nats-fixture.js';
import { NatsServer, natsServerMissing } from './nats-server.js';

function record(also: Partial<EnvironmentRecord> = {}): EnvironmentRecord {
  return {
    environmentId: 'env.1',
    registrationId: 'r',
    owner: 'o',
    labels: { a: 'b' },
    registeredAtMs: 1,
    lastSeenAtMs: 2,
    ...also,
  };
}

const soon = () => AbortSignal.timeout(10_000);

describe.skipIf(natsServerMissing)(
  `nodes over NATS${natsServerMissing ? ` (skipped: ${natsServerMissing})` : ''}`,
  () => {
    test('a record is seen by all nodes, and changed only by who has seen the latest', async () => {
      const { here, there } = await twoNodes();
      expect(await there.cluster.get('env.1')).toBeUndefined();
      const heldBy = { harnessOwner: 'h', sinceMs: 4 };
      const connection = { nodeId: 'n', connectionId: 'c', sinceMs: 3, kind: 'single', harnesses: 1, heldBy } as const;
      const first = await here.cluster.put(record({ connection }), undefined);
      expect(await there.cluster.get('env.1')).toEqual({ value: record({ connection }), revision: first });
      await expect(there.cluster.put(record(), undefined)).rejects.toThrow(ChangedError);
      const second = await there.cluster.put(record({ name: 'box' }), first);
      await expect(here.cluster.put(record(), first)).rejects.toThrow(ChangedError);
      expect(second).toBeGreaterThan(first);
    });

    test('all records are listed, whatever their ids hold', async () => {
      const { here, there } = await twoNodes();
      expect(await here.cluster.list()).toEqual([]);
      const ids = ['a', 'a.b', 'A-_.', 'a'.repeat(128)];
      for (const environmentId of ids) await here.cluster.put(record({ environmentId }), undefined);
      const listed = await there.cluster.list();
      expect(listed.map(({ environmentId }) => environmentId).sort()).toEqual([...ids].sort());
    });

    test('hundreds of questions at once are nothing to warn of', async () => {
      const { here } = await twoNodes();
      const warned = vi.fn();
      process.on('warning', warned);
      atEnd(() => process.off('warning', warned));
      await Promise.all(Array.from({ length: 300 }, (_, i) => here.cluster.get(`env.${i}`)));
      expect(warned).not.toHaveBeenCalled();
    });

    test('an id can be claimed by one node only, once', async () => {
      const { here, there } = await twoNodes();
      const inAMinute = Date.now() + 60_000;
      const claims = [here, there, here, there].map(({ cluster }) => cluster.claimOnce('t.1', inAMinute));
      expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
      expect(await there.cluster.claimOnce('t.2', inAMinute)).toBe(true);
      await expect(here.cluster.claimOnce('t.3', Date.now() + 86_400_000)).rejects.toThrow(RangeError);
    });

    test('nodes know of each other as soon as they have started, and of one that leaves', async () => {
      const nats = await NatsServer.start();
      const here = await startNode(nats);
      const there = await startNode(nats);
      expect(there.cluster.isAlive(here.cluster.nodeId)).toBe(true);
      expect(here.cluster.isAlive(there.cluster.nodeId)).toBe(true);
      expect(here.cluster.isAlive(here.cluster.nodeId)).toBe(true);
      expect(here.cluster.isAlive(randomUUID())).toBe(false);
      await there.cluster.close();
      await until(() => !here.cluster.isAlive(there.cluster.nodeId));
    });

    test('a harness here gets the executor that another node holds, and its node hears of the end', async () => {
      const { here, there } = await twoNodes();
      const { executor, end } = await wire();
      there.handler.pair.mockResolvedValueOnce(end);
      const request = pairRequest(here);
      const harness = await here.cluster.requestPair(there.cluster.nodeId, request, soon());
      expect(there.handler.pair).toHaveBeenCalledExactlyOnceWith(request);
      harness.write('question');
      expect(String((await once(executor, 'data'))[0])).toBe('question');
      executor.write('answer');
      expect(String((await once(harness, 'data'))[0])).toBe('answer');
      expect(there.handler.unpaired).not.toHaveBeenCalled();
      harness.destroy();
      await whenClosed(end);
      await until(() => there.handler.unpaired.mock.calls.length > 0);
      expect(there.handler.unpaired).toHaveBeenCalledExactlyOnceWith(request);
    });

    test.for([
      'the harness has come to',
      'holds the executor',
      'is a third one',
    ] as const)('an executor that dials in for a pair may come to the node that %s', async (place) => {
      const { nats, here, there } = await twoNodes();
      const dialled =
        place === 'is a third one' ? await startNode(nats) : place === 'holds the executor' ? there : here;
      const { executor, end } = await wire();
      const request = pairRequest(here);
      there.handler.pair.mockImplementationOnce(async ({ pairId, nodeId }) => {
        await dialled.cluster.deliver(pairId, nodeId, end);
        return undefined;
      });
      const harness = await here.cluster.requestPair(there.cluster.nodeId, request, soon());
      executor.write('hello');
      expect(String((await once(harness, 'data'))[0])).toBe('hello');
      executor.resetAndDestroy();
      await whenClosed(harness);
      await until(() => there.handler.unpaired.mock.calls.length > 0);
      await expect(
        dialled.cluster.deliver(request.pairId, here.cluster.nodeId, (await wire()).end),
      ).rejects.toMatchObject({
        code: 'url_expired',
      });
    });

    test('what the holder refuses is refused here with the same words, and was never a pair', async () => {
      const { here, there } = await twoNodes();
      const refusal = new RendezvousError('environment_in_use', 'it has one', { retryAfterMs: 7 });
      for (const holder of [there, here]) {
        holder.handler.pair.mockRejectedValueOnce(refusal);
        const asked = here.cluster.requestPair(holder.cluster.nodeId, pairRequest(here), soon());
        await expect(asked).rejects.toMatchObject({
          code: 'environment_in_use',
          message: 'it has one',
          retryAfterMs: 7,
        });
        expect(holder.handler.unpaired).not.toHaveBeenCalled();
      }
    });

    test('a node that is gone is told at once: its executors are offline, their connections in nobody\u2019s way', async () => {
      const { here } = await twoNodes();
      const asked = here.cluster.requestPair(randomUUID(), pairRequest(here), soon());
      await expect(asked).rejects.toMatchObject({ code: 'environment_offline', retryAfterMs: 1000 });
      const question = { environmentId: 'env.1', connectionId: 'c', ask: 'probe' } as const;
      expect(await here.cluster.askLink(randomUUID(), question, soon())).toBe(false);
    });

    test('another node answers for the connection that it has', async () => {
      const { here, there } = await twoNodes();
      const question = { environmentId: 'env.1', connectionId: 'c', ask: 'drop' } as const;
      expect(await here.cluster.askLink(there.cluster.nodeId, question, soon())).toBe(true);
      expect(there.handler.askLink).toHaveBeenCalledExactlyOnceWith(question);
    });

    test('a harness that waits no longer gives up the pair, and what comes for it later is let go', async () => {
      const { here, there } = await twoNodes();
      const { end } = await wire();
      let answer: (end: Duplex) => void = () => undefined;
      there.handler.pair.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
      const patience = new AbortController();
      const request = pairRequest(here);
      const asked = here.cluster.requestPair(there.cluster.nodeId, request, patience.signal);
      await until(() => there.handler.pair.mock.calls.length > 0);
      patience.abort(new Error('enough'));
      await expect(asked).rejects.toThrow('enough');
      answer(end);
      await whenClosed(end);
      await until(() => there.handler.unpaired.mock.calls.length > 0);
      expect(there.handler.unpaired).toHaveBeenCalledExactlyOnceWith(request);
    });

    test('a node that leaves cuts its streams and refuses whoever waits', async () => {
      const { here, there } = await twoNodes();
      const { end } = await wire();
      there.handler.pair.mockResolvedValueOnce(end);
      await here.cluster.requestPair(there.cluster.nodeId, pairRequest(here), soon());
      const waiting = here.cluster.requestPair(there.cluster.nodeId, pairRequest(here), soon());
      const refused = expect(waiting).rejects.toMatchObject({ code: 'draining' });
      const cut = whenClosed(end);
      await here.cluster.close();
      await Promise.all([refused, cut]);
      await expect(here.cluster.requestPair(there.cluster.nodeId, pairRequest(here), soon())).rejects.toThrow(
        RendezvousError,
      );
    });

    test.for([
      { keepingData: true },
      { keepingData: false },
    ])('while NATS is away, what needs it is refused as retryable and streams are cut; it is back by itself (%o)', async ({
      keepingData,
    }) => {
      const { nats, here, there } = await twoNodes();
      const { end } = await wire();
      there.handler.pair.mockResolvedValueOnce(end);
      const harness = await here.cluster.requestPair(there.cluster.nodeId, pairRequest(here), soon());
      const revision = await here.cluster.put(record(), undefined);
      const cut = Promise.all([whenClosed(harness), whenClosed(end)]);
      await nats.kill();
      await cut;
      expect(harness.readableEnded).toBe(false);
      const refused = { code: 'cluster_unreachable', status: 503, retryAfterMs: 1000 };
      await expect(here.cluster.get('env.1')).rejects.toMatchObject(refused);
      await expect(here.cluster.put(record(), revision)).rejects.toMatchObject(refused);
      await expect(here.cluster.claimOnce('x', Date.now() + 1000)).rejects.toMatchObject(refused);
      await expect(here.cluster.requestPair(there.cluster.nodeId, pairRequest(here), soon())).rejects.toMatchObject(
        refused,
      );

      await nats.startAgain({ keepingData });
      for (const { handler } of [here, there])
        await until(() => handler.restore.mock.calls.length > 0, { timeoutMs: 15_000 });
      expect(here.handler.restore).toHaveBeenCalledWith(keepingData ? 'kept' : 'lost');
      expect(there.handler.restore).toHaveBeenCalledWith(keepingData ? 'kept' : 'lost');
      const found = await there.cluster.get('env.1');
      if (keepingData) expect(found).toEqual({ value: record(), revision });
      else expect(found).toBeUndefined();
      there.handler.pair.mockResolvedValueOnce((await wire()).end);
      await here.cluster.requestPair(there.cluster.nodeId, pairRequest(here), soon());
    });

    test('a pair with both ends at one node goes on while NATS is away', async () => {
      const { nats, here } = await twoNodes();
      const { executor, end } = await wire();
      here.handler.pair.mockResolvedValueOnce(end);
      const harness = await here.cluster.requestPair(here.cluster.nodeId, pairRequest(here), soon());
      await nats.kill();
      await expect(here.cluster.get('env.1')).rejects.toThrow(RendezvousError);
      harness.write('still there');
      expect(String((await once(executor, 'data'))[0])).toBe('still there');
      // Nor does it need NATS to come about.
      here.handler.pair.mockResolvedValueOnce((await wire()).end);
      await here.cluster.requestPair(here.cluster.nodeId, pairRequest(here), soon());
    });

    test('a restore that fails is tried again', async () => {
      const { nats, here } = await twoNodes();
      here.handler.restore.mockRejectedValueOnce(new Error('not yet'));
      await nats.kill();
      await nats.startAgain();
      await until(() => here.handler.restore.mock.calls.length === 2, { timeoutMs: 15_000 });
    });
  },
);
