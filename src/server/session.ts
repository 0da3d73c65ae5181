import type { ExecBackend } from '../process/types.js';
import type { Connection } from './connection.js';
import { ProcessTable } from './process-table.js';

/** Who holds a session. A session is never without one of these. */
type Attachment =
  | { state: 'attached'; connection: Connection }
  | { state: 'detached'; expiresAt: number; timer: NodeJS.Timeout }
  | { state: 'closed' };

/** What outlives a connection: a client's processes, and the right to come back to them. */
export class Session {
  readonly id: string;
  readonly processes: ProcessTable;
  #attachment: Attachment;

  constructor(id: string, connection: Connection, backend: ExecBackend, retentionMs: number) {
    this.id = id;
    this.processes = new ProcessTable(backend, retentionMs);
    this.#attachment = { state: 'attached', connection };
    this.processes.attach(connection.channel);
  }

  get connection(): Connection | undefined {
    return this.#attachment.state === 'attached' ? this.#attachment.connection : undefined;
  }

  /** At the deadline tear-down wins: a session that is due is gone, whether or not its timer has fired. */
  get expired(): boolean {
    const at = this.#attachment;
    return at.state === 'closed' || (at.state === 'detached' && performance.now() >= at.expiresAt);
  }

  /** Moves ownership, and with it the events from now on, to this connection. */
  attach(connection: Connection): void {
    if (this.#attachment.state === 'detached') clearTimeout(this.#attachment.timer);
    this.processes.detach();
    this.#attachment = { state: 'attached', connection };
    this.processes.attach(connection.channel);
  }

  /** The connection has ended. Only its owner can detach a session: a late end of an older connection changes nothing. */
  detach(connection: Connection, ttlMs: number, onExpired: () => void): void {
    if (this.#attachment.state !== 'attached' || this.#attachment.connection !== connection) return;
    this.processes.detach();
    const timer = setTimeout(onExpired, ttlMs);
    timer.unref();
    this.#attachment = { state: 'detached', expiresAt: performance.now() + ttlMs, timer };
  }

  async close(): Promise<void> {
    if (this.#attachment.state === 'detached') clearTimeout(this.#attachment.timer);
    this.#attachment = { state: 'closed' };
    await this.processes.close();
  }
}
