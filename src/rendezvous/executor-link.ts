import type { Duplex } from 'node:stream';
import type { ExecutorConnection, PairRequest } from './cluster.js';

/** One connection of an executor to this node. */
export interface ExecutorLink {
  readonly environmentId: string;
  readonly registrationId: string;
  /** As the record has it; changes with the harnesses that come and go. */
  readonly connection: Readonly<ExecutorConnection>;
  /** Resolves with why, once it has ended. */
  readonly ended: Promise<string>;
  /** Is its other side alive, and to keep its place? */
  probe(): Promise<boolean>;
  /** As PairHandler.pair. */
  pair(request: PairRequest): Promise<Duplex | undefined>;
  unpaired(pairId: string): void;
  /** Another connection takes its place. */
  drop(): void;
  /** The node is about to go: to come back elsewhere, as far as nobody uses it. */
  move(reason: string): void;
}
