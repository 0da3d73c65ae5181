import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { vi } from 'vitest';
import type { Cluster, PairHandler, PairRequest } from '../../src/rendezvous/cluster.js';
import { connectNatsCluster } from '../../src/rendezvous/nats/nats-cluster.js';
import { atEnd } from '../harness/cleanup.js';
import { NatsServer } from './nats-server.js';

export const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };

/** A node by itself: what is above it are mocks. */
export interface Node {
  cluster: Cluster;
  handler: { [K in keyof PairHandler]: ReturnType<typeof vi.fn<PairHandler[K]>> };
}

export async function startNode(nats: { url: string }): Promise<Node> {
  const cluster = await connectNatsCluster({ url: nats.url, log: silent });
  const handler = {
    pair: vi.fn<PairHandler['pair']>(async () => undefined),
    unpaired: vi.fn<PairHandler['unpaired']>(),
    askLink: vi.fn<PairHandler['askLink']>(async () => true),
    restore: vi.fn<PairHandler['restore']>(async () => undefined),
  };
  atEnd(() => cluster.close());
  await cluster.start(handler);
  return { cluster, handler };
}

export async function twoNodes(): Promise<{ nats: NatsServer; here: Node; there: Node }> {
  const nats = await NatsServer.start();
  const [here, there] = await Promise.all([startNode(nats), startNode(nats)]);
  return { nats, here, there };
}

export function pairRequest({ cluster }: Node): PairRequest {
  const ids = { environmentId: 'env.1', registrationId: 'r', connectionId: 'c', harnessOwner: 'h' };
  return { pairId: randomUUID(), nodeId: cluster.nodeId, ...ids };
}

/** What the executor has at its end, and the rendezvous at the other. */
export async function wire(): Promise<{ executor: Socket; end: Socket }> {
  const listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  const executor = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true });
  const [end] = (await once(listener, 'connection')) as [Socket];
  listener.close();
  end.on('error', () => undefined); // a cut, which its close tells
  atEnd(() => executor.destroy());
  return { executor, end };
}
