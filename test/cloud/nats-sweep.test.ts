import { expect, test, vi } from 'vitest';
import { until } from '../harness/until.js';
import { pairRequest, twoNodes, wire } from './nats-fixture.js';
import { natsServerMissing } from './nats-server.js';

vi.mock('../../src/rendezvous/nats/limits.js', async (original) => ({
  ...(await original<object>()),
  PAIR_SWEEP_MS: 100,
}));

test.skipIf(natsServerMissing)(
  `the end of a pair is asked for where nobody could tell it${natsServerMissing ? ` (skipped: ${natsServerMissing})` : ''}`,
  async () => {
    const { nats, here, there } = await twoNodes();
    const pairs = [pairRequest(here), pairRequest(here)] as const;
    // The executor is at the other node, and dials this one: nothing of the pair goes through NATS.
    there.handler.pair.mockImplementation(async ({ pairId, nodeId }) => {
      await here.cluster.deliver(pairId, nodeId, (await wire()).end);
      return undefined;
    });
    const [ends, stays] = await Promise.all(
      pairs.map((pair) => here.cluster.requestPair(there.cluster.nodeId, pair, AbortSignal.timeout(10_000))),
    );
    await nats.kill();
    await until(async () => (await here.cluster.get('x').catch(({ code }) => code)) === 'cluster_unreachable');
    ends?.destroy();
    await nats.startAgain();
    await until(() => there.handler.unpaired.mock.calls.length > 0, { timeoutMs: 10_000 });
    expect(there.handler.unpaired).toHaveBeenCalledExactlyOnceWith(pairs[0]);
    expect(stays?.destroyed).toBe(false);
  },
);
