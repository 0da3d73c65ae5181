import { HIGH_WATER_BYTES } from './limits.js';

/** Counts queued bytes and lets producers wait until they have drained. */
export class DrainGate {
  #queued = 0;
  #open: { promise: Promise<void>; resolve: () => void } | undefined;
  #ended = false;
  readonly #highWaterBytes: number;

  constructor(highWaterBytes = HIGH_WATER_BYTES) {
    this.#highWaterBytes = highWaterBytes;
  }

  get queuedBytes(): number {
    return this.#queued;
  }

  add(bytes: number): void {
    this.#queued += bytes;
  }

  remove(bytes: number): void {
    this.#queued -= bytes;
    if (this.#queued <= this.#highWaterBytes / 2) this.#release();
  }

  /** Nobody waits for an ended channel. */
  end(): void {
    this.#ended = true;
    this.#release();
  }

  drained(): Promise<void> | undefined {
    if (this.#ended || this.#queued < this.#highWaterBytes) return undefined;
    if (!this.#open) {
      let resolve!: () => void;
      const promise = new Promise<void>((r) => {
        resolve = r;
      });
      this.#open = { promise, resolve };
    }
    return this.#open.promise;
  }

  #release(): void {
    this.#open?.resolve();
    this.#open = undefined;
  }
}
