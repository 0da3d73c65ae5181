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
  /** `single`: the harness that has it. The same subject and id takes over from itself. */
  heldBy?: { harnessOwner: string; harnessId?: string | undefined; sinceMs: number } | undefined;
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

/** Another connection of an executor wants the place of this one. Plain data. */
export interface LinkQuestion {
  environmentId: string;
  connectionId: string;
  /** `probe`: is its other side alive? `drop`: let it go; what a harness has of its own stays. */
  ask: 'probe' | 'drop';
}

/** What serves the requests for pairs that concern the executors of this node. */
export interface PairHandler {
  /**
   * Gets hold of the executor's end, for a harness at this or another node. `undefined`: the executor will dial some node,
   * which hands its end to `Cluster.deliver`. Throws RendezvousError (offline, in use).
   */
  pair(request: PairRequest): Promise<Duplex | undefined>;
  /** The pair's end has come, as seen from the node of the harness. Once per pair that `pair` did not refuse. */
  unpaired(request: PairRequest): void;
  /** True: the connection is here, alive, and stays. */
  askLink(question: LinkQuestion): Promise<boolean>;
  /**
   * What the nodes share was out of reach, or grows old: put the records of the executors that are connected here again.
   * `lost`: it had to begin anew, so other nodes' executors and those that are on their way back are unknown for a while.
   * It may be called again before it has settled; when it rejects, it is called again soon.
   */
  restore(shared: 'kept' | 'lost'): Promise<void>;
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
  /**
   * `revision`: of the value that it replaces; undefined: there is none. Throws ChangedError if that is no longer so. A record
   * is kept for 24 h from when it was last put. This, as whatever asks the other nodes, throws RendezvousError
   * (`cluster_unreachable`) while they are out of reach.
   */
  put(record: EnvironmentRecord, revision: number | undefined): Promise<number>;

  /** True for the first caller of all nodes; the id is kept until then. */
  claimOnce(id: string, expiresAtMs: number): Promise<boolean>;

  /** Is that node there? What a node that died held is offline. */
  isAlive(nodeId: string): boolean;

  /** Asks the node that holds the executor for its end. Rejects with RendezvousError, or the signal's reason. */
  requestPair(holderNodeId: string, request: PairRequest, signal: AbortSignal): Promise<Duplex>;

  /**
   * Asks the node that holds the executor about its connection; false where that node does not answer. Rejects with
   * RendezvousError when the other nodes are out of reach, or the signal's reason.
   */
  askLink(holderNodeId: string, question: LinkQuestion, signal: AbortSignal): Promise<boolean>;

  /**
   * An executor has dialled this node for a pair that a harness waits for, here or at `harnessNodeId`. Rejects with
   * RendezvousError when none waits any more.
   */
  deliver(pairId: string, harnessNodeId: string, end: Duplex): Promise<void>;

  /** Leaves: what waits is refused, streams to other nodes are cut. Idempotent. */
  close(): Promise<void>;
}

/** Somebody else has changed the record meanwhile: read it again. */
export class ChangedError extends Error {
  override readonly name = 'ChangedError';
  readonly code = 'changed';
}
