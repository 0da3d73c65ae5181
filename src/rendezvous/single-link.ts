import type { Duplex } from 'node:stream';
import { CloseCode } from '../rpc/channel.js';
import type { ExecutorConnection, PairRequest } from './cluster.js';
import { RendezvousError } from './errors.js';
import type { ExecutorLink } from './executor-link.js';
import type { FrameSocket } from './frame-socket.js';
import { IdleWatch } from './idle-watch.js';
import { PROBE_TIMEOUT_MS, RETRY_AFTER_MS } from './limits.js';

export interface SingleLinkOptions {
  environmentId: string;
  registrationId: string;
  connection: ExecutorConnection;
  socket: FrameSocket;
  /** The harnesses of the connection have changed. */
  onChange(): void;
  /** Resolves with the executor's next connection, which it makes once this one has ended. Throws RendezvousError. */
  nextLink(): Promise<ExecutorLink>;
}

/** The one WebSocket of an executor that knows no other: it is for one harness, and ends with it. */
export class SingleLink implements ExecutorLink {
  readonly environmentId: string;
  readonly registrationId: string;
  readonly connection: ExecutorConnection;
  readonly ended: Promise<string>;
  readonly #socket: FrameSocket;
  readonly #watch: IdleWatch;
  readonly #options: SingleLinkOptions;

  constructor(options: SingleLinkOptions) {
    this.environmentId = options.environmentId;
    this.registrationId = options.registrationId;
    this.connection = options.connection;
    this.#options = options;
    this.#socket = options.socket;
    this.#watch = new IdleWatch(options.socket);
    this.ended = new Promise((resolve) => {
      const socket = options.socket;
      socket.once('close', () => resolve(socket.endReason ?? 'it was closed'));
    });
  }

  probe(): Promise<boolean> {
    return this.#socket.probe(PROBE_TIMEOUT_MS);
  }

  async pair(request: PairRequest): Promise<Duplex | undefined> {
    const { heldBy } = this.connection;
    if (heldBy) {
      const { harnessOwner, harnessId } = request;
      if (harnessId === undefined || harnessId !== heldBy.harnessId || harnessOwner !== heldBy.harnessOwner) {
        throw inUse(this.environmentId, heldBy.sinceMs);
      }
      const next = this.#options.nextLink();
      this.#socket.cut('its harness has come back over another connection');
      return (await next).pair(request);
    }
    if (this.#socket.destroyed) throw gone(this.environmentId);
    const { harnessOwner, harnessId } = request;
    this.connection.heldBy = { harnessOwner, harnessId, sinceMs: Date.now() };
    this.connection.harnesses = 1;
    this.#watch.release();
    this.#options.onChange();
    return this.#socket;
  }

  unpaired(): void {
    // The connection has ended with its harness, or is about to.
  }

  drop(): void {
    this.#socket.closeWith(CloseCode.goingAway, 'another connection of this executor has taken over');
  }

  move(reason: string): void {
    if (!this.connection.heldBy) this.#socket.closeWith(CloseCode.goingAway, reason);
  }
}

/** What a harness is told that comes while another one is served. */
export function inUse(environmentId: string, sinceMs: number): RendezvousError {
  return new RendezvousError(
    'environment_in_use',
    `environment \`${environmentId}\` serves one harness at a time, and another one has been connected since ${new Date(sinceMs).toISOString()}: try again when it has gone`,
    { retryAfterMs: RETRY_AFTER_MS },
  );
}

function gone(environmentId: string): RendezvousError {
  return new RendezvousError('environment_offline', `environment \`${environmentId}\` has just disconnected`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
