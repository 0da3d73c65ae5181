import type { Duplex } from 'node:stream';
import type { PairRequest } from './cluster.js';
import type { FrameSocket } from './frame-socket.js';
import type { RendezvousLog } from './log.js';
import { splice } from './splice.js';

/** The harnesses that have come to this node, each joined to its executor. */
export class Pairs {
  readonly #log: RendezvousLog | undefined;
  /** By who the harness is: it has one connection at a time to an environment, and a later one takes over. */
  readonly #byHarness = new Map<string, FrameSocket>();
  #count = 0;

  constructor(log: RendezvousLog | undefined) {
    this.#log = log;
  }

  get count(): number {
    return this.#count;
  }

  /** Resolves when both ends have gone. */
  async join(request: PairRequest, harness: FrameSocket, executor: Duplex): Promise<void> {
    const key = keyOf(request);
    if (key !== undefined) {
      this.#byHarness.get(key)?.cut('its harness has come back over another connection');
      this.#byHarness.set(key, harness);
    }
    const { pairId, environmentId, harnessOwner: subject, connectionId } = request;
    const fields = { environmentId, subject, pairId, connectionId };
    const startedAt = performance.now();
    this.#log?.info(fields, 'harness paired');
    this.#count++;
    const { bytesFromA, bytesFromB } = await splice(harness, executor);
    this.#count--;
    if (key !== undefined && this.#byHarness.get(key) === harness) this.#byHarness.delete(key);
    this.#log?.info(
      {
        ...fields,
        seconds: Math.round(performance.now() - startedAt) / 1000,
        bytesFromHarness: bytesFromA,
        bytesFromExecutor: bytesFromB,
        reason: harness.endReason ?? endReasonOf(executor) ?? 'it was closed',
      },
      'harness unpaired',
    );
  }
}

function keyOf({ environmentId, harnessOwner, harnessId }: PairRequest): string | undefined {
  return harnessId === undefined ? undefined : JSON.stringify([environmentId, harnessOwner, harnessId]);
}

function endReasonOf(end: Duplex): string | undefined {
  return 'endReason' in end && typeof end.endReason === 'string' ? end.endReason : undefined;
}
