import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Events, type NatsConnection } from 'nats';
import type { Cluster, EnvironmentRecord, LinkQuestion, PairHandler, PairRequest, Versioned } from '../cluster.js';
import type { RendezvousLog } from '../log.js';
import { claimOnce } from './kv-claims.js';
import { KvRecords } from './kv-records.js';
import { NODE_SETTLE_MS } from './limits.js';
import { type NatsAddress, NatsSetupError, openNats } from './nats-connection.js';
import { NodeHeartbeats } from './node-heartbeats.js';
import { PairExchange } from './pair-exchange.js';
import { Reach } from './reach.js';
import { clusterUnreachable } from './store.js';
import { StoreKeeper } from './store-keeper.js';
import { StreamHub } from './stream-hub.js';
import { isNodeId } from './subjects.js';

export interface NatsClusterOptions extends NatsAddress {
  /** Default: random. No other node may have it. */
  nodeId?: string | undefined;
  log: RendezvousLog;
}

/** Takes part in the rendezvous that shares this NATS account. Rejects with NatsSetupError. */
export async function connectNatsCluster({ nodeId, log, ...address }: NatsClusterOptions): Promise<Cluster> {
  if (nodeId !== undefined && !isNodeId(nodeId)) {
    throw new NatsSetupError(`the id of a node: expected 1 to 64 letters, digits, \`-\` or \`_\`, got \`${nodeId}\``);
  }
  const nats = await openNats(address);
  try {
    const reach = new Reach();
    const keeper = await StoreKeeper.open(nats, reach, log);
    return new NatsCluster({ nats, reach, keeper, log, nodeId: nodeId ?? randomUUID() });
  } catch (error) {
    const server = nats.getServer();
    await nats.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new NatsSetupError(
      `NATS at ${server} gives no key-value store (start it with JetStream, \`-js\`): ${reason}`,
      {
        cause: error,
      },
    );
  }
}

interface Parts {
  nats: NatsConnection;
  reach: Reach;
  keeper: StoreKeeper;
  log: RendezvousLog;
  nodeId: string;
}

class NatsCluster implements Cluster {
  readonly nodeId: string;
  readonly #nats: NatsConnection;
  readonly #reach: Reach;
  readonly #keeper: StoreKeeper;
  readonly #log: RendezvousLog;
  readonly #nodes: NodeHeartbeats;
  readonly #hub: StreamHub;
  #exchange: PairExchange | undefined;
  #closing: Promise<void> | undefined;

  constructor({ nats, reach, keeper, log, nodeId }: Parts) {
    this.#nats = nats;
    this.#reach = reach;
    this.#keeper = keeper;
    this.#log = log;
    this.nodeId = nodeId;
    this.#nodes = new NodeHeartbeats(nats, nodeId);
    this.#hub = new StreamHub(nats, nodeId, (peerNodeId, reason) =>
      log.debug({ node: peerNodeId, reason }, 'a stream to another node was cut'),
    );
  }

  async start(handler: PairHandler): Promise<void> {
    this.#exchange = new PairExchange(
      {
        nats: this.#nats,
        nodeId: this.nodeId,
        reach: this.#reach,
        hub: this.#hub,
        isAlive: (nodeId) => this.isAlive(nodeId),
      },
      handler,
    );
    this.#exchange.start();
    this.#hub.start();
    this.#nodes.start();
    this.#keeper.start((shared) => handler.restore(shared));
    void this.#followConnection();
    await this.#nats.flush(); // then others get through to us
    await new Promise((resolve) => setTimeout(resolve, NODE_SETTLE_MS));
  }

  get(environmentId: string): Promise<Versioned<EnvironmentRecord> | undefined> {
    return this.#keeper.ask(({ records }) => new KvRecords(records).get(environmentId));
  }

  list(): Promise<EnvironmentRecord[]> {
    return this.#keeper.ask(({ records }) => new KvRecords(records).list());
  }

  put(record: EnvironmentRecord, revision: number | undefined): Promise<number> {
    return this.#keeper.ask(({ records }) => new KvRecords(records).put(record, revision));
  }

  claimOnce(id: string, expiresAtMs: number): Promise<boolean> {
    return this.#keeper.ask(({ claims }) => claimOnce(claims, id, expiresAtMs));
  }

  isAlive(nodeId: string): boolean {
    return this.#nodes.isAlive(nodeId);
  }

  async requestPair(holderNodeId: string, request: PairRequest, signal: AbortSignal): Promise<Duplex> {
    return this.#started.request(holderNodeId, request, signal);
  }

  async askLink(holderNodeId: string, question: LinkQuestion, signal: AbortSignal): Promise<boolean> {
    return this.#started.askLink(holderNodeId, question, signal);
  }

  async deliver(pairId: string, harnessNodeId: string, end: Duplex): Promise<void> {
    return this.#started.deliver(pairId, harnessNodeId, end);
  }

  close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  get #started(): PairExchange {
    if (!this.#exchange || this.#closing) throw clusterUnreachable();
    return this.#exchange;
  }

  async #leave(): Promise<void> {
    this.#keeper.close();
    this.#exchange?.close();
    this.#nodes.close();
    this.#hub.close();
    // What was said last must be out; if NATS is away, nobody hears it.
    if (!this.#reach.signal.aborted) await this.#nats.flush().catch(() => undefined);
    await this.#nats.close();
  }

  /** Ends with the connection. */
  async #followConnection(): Promise<void> {
    for await (const { type, data } of this.#nats.status()) {
      if (type === Events.Disconnect) {
        this.#log.warn({ server: data }, 'NATS is out of reach');
        this.#reach.lost();
        this.#nodes.reachable(false);
        this.#hub.cutAll('NATS was out of reach');
      } else if (type === Events.Reconnect) {
        this.#log.info({ server: data }, 'NATS is back');
        this.#reach.regained();
        this.#nodes.reachable(true);
        this.#keeper.reconnected();
      } else if (type === Events.Error || type === Events.LDM) {
        this.#log.warn({ said: data }, 'NATS complains');
      }
    }
  }
}
