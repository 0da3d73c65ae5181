import { MAX_PAUSE_MS } from './limits.js';
import type { ServerConnection } from './server-connection.js';

/**
 * Stops reading from the connection while a reader of some process that holds back is too far behind. It is the only
 * brake there is: the wire cannot pause a single process. So that it does not stop what must go on
 * - it is off while a call waits for its answer, which comes the same way;
 * - it lets go every MAX_PAUSE_MS until a ping is answered, or both sides' keep-alive would take the other for dead.
 * What comes in meanwhile is held by the logs, up to HELD_MAX_BYTES each; beyond that the slow reader sees a gap.
 */
export class ReadingBrake<K> {
  readonly #pressing = new Set<K>();
  #connection: ServerConnection | undefined;
  #paused = false;
  #breathing = false;
  #breathTimer: NodeJS.Timeout | undefined;

  /** Somebody needs the brake, or needs it no longer. */
  press(by: K, pressed: boolean): void {
    if (pressed) this.#pressing.add(by);
    else this.#pressing.delete(by);
    this.update();
  }

  /** The connection to brake from now on; none while there is none. */
  attach(connection: ServerConnection | undefined): void {
    clearTimeout(this.#breathTimer);
    if (this.#paused) this.#connection?.channel.resumeReading(); // also the end of a connection has to be read
    this.#connection = connection;
    this.#paused = false;
    this.#breathing = false;
    this.update();
  }

  /** To be called when the number of pending calls has changed. */
  update(): void {
    const connection = this.#connection;
    if (!connection) return;
    const pause = this.#pressing.size > 0 && connection.pendingCalls === 0 && !this.#breathing;
    if (pause === this.#paused) return;
    this.#paused = pause;
    clearTimeout(this.#breathTimer);
    if (pause) {
      connection.channel.pauseReading();
      this.#breathTimer = setTimeout(() => void this.#breathe(connection), MAX_PAUSE_MS);
    } else {
      connection.channel.resumeReading();
    }
  }

  async #breathe(connection: ServerConnection): Promise<void> {
    this.#breathing = true;
    this.update();
    await connection.channel.probe(MAX_PAUSE_MS);
    if (this.#connection !== connection) return;
    this.#breathing = false;
    this.update();
  }
}
