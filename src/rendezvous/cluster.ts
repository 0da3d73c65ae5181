import type { Duplex } from 'node:stream';

/** An executor as the rendezvous knows it. Plain data. */
export interface EnvironmentRecord {
  environmentId: string;
  /** Of the latest registration; signed URLs of earlier ones are void. */
  registrationId: string;
  /** The subject of the token that it was registered with: nobody else may register under this id while it is kept. */
  owner: string;
  /** Which run of the executor it is, where the contract tells (0.129.0's). */
  idempotencyId?: string | undefined;
  name?: string | undefined;
  labels: Readonly<Record<string, string>>;
  executorVersion?: string | undefined;
  registeredAtMs: number;
  lastSeenAtMs: number;
  /** While it is connected: where, since when, and how. */
  connection?: ExecutorConnection | undefined;
}

export interface ExecutorConnection {
  nodeId: string;
  /** One connection of one executor; another one after it has another id. */
  connectionId: string;
  sinceMs: number;
  /** `control`: it dials a WebSocket per harness. `single`: its one WebSocket is for one harness. */
  kind: 'control' | 'single';
  /** Harnesses that are connected to it now. */
  harnesses: number;
}

/** A record with what is needed to change it only if nobody else has. */
export interface Versioned<T> {
  value: T;
  revision: number;
}

/** A harness that has come to a node and waits for the executor's end. Plain data. */
export interface PairRequest {
  pairId: string;
  environmentId: string;
  registrationId: string;
  /** The connection that it is meant for, as the record had it. */
  connectionId: string;
  /** The subject of the harness's token, and what its client calls itself. The same pair of both takes over from itself. */
  harnessOwner: string;
  harnessId?: string | undefined;
  /** The node that the harness has come to. */
  nodeId: string;
}

/** What serves the requests for pairs that concern the executors of this node. */
export interface PairHandler {
  /**
   * Gets hold of the executor's end, for a harness at this or another node. `undefined`: the executor will dial some node,
   * which hands its end to `Cluster.deliver`. Throws RendezvousError (offline, in use).
   */
  pair(request: PairRequest): Promise<Duplex | undefined>;
  /** The pair's end has come, as seen from the node of the harness. */
  unpaired(request: PairRequest): void;
}

/**
 * What the nodes of one rendezvous share. The streams are the bytes of unmasked WebSocket frames after the handshake; a
 * stream that is destroyed destroys its other end, and one that ends without `end` is a cut connection.
 */
export interface Cluster {
  readonly nodeId: string;

  /** Starts taking part: from here on the handler may be called. */
  start(handler: PairHandler): Promise<void>;

  get(environmentId: string): Promise<Versioned<EnvironmentRecord> | undefined>;
  list(): Promise<EnvironmentRecord[]>;
  /** `revision`: of the value that it replaces; undefined: there is none. Throws ChangedError if that is no longer so. */
  put(record: EnvironmentRecord, revision: number | undefined): Promise<number>;

  /** True for the first caller of all nodes; the id is kept until then. */
  claimOnce(id: string, expiresAtMs: number): Promise<boolean>;

  /** Is that node there? What a node that died held is offline. */
  isAlive(nodeId: string): boolean;

  /** Asks the node that holds the executor for its end. Rejects with RendezvousError, or the signal's reason. */
  requestPair(holderNodeId: string, request: PairRequest, signal: AbortSignal): Promise<Duplex>;

  /** An executor has dialled this node for a pair that a harness waits for, here or at `harnessNodeId`. */
  deliver(pairId: string, harnessNodeId: string, end: Duplex): Promise<void>;

  /** Leaves: what waits is refused, streams to other nodes are cut. Idempotent. */
  close(): Promise<void>;
}

/** Somebody else has changed the record meanwhile: read it again. */
export class ChangedError extends Error {
  override readonly name = 'ChangedError';
  readonly code = 'changed';
}
