import type { ExecBackend } from '../process/types.js';
import type { Connection } from './connection.js';
import { MissingWatchTable } from './missing-watch-table.js';
import { OpenFileTable } from './open-file-table.js';
import { ProcessTable } from './process-table.js';
import { WatchTable } from './watch-table.js';

/** Who holds a session. A session is never without one of these. */
type Attachment =
  | { state: 'attached'; connection: Connection }
  | { state: 'detached'; expiresAt: number; timer: NodeJS.Timeout }
  | { state: 'closed' };

/** What outlives a connection: a client's processes, open files and watches, and the right to come back to them. */
export class Session {
  readonly id: string;
  readonly processes: ProcessTable;
  readonly openFiles = new OpenFileTable();
  readonly watches = new WatchTable();
  readonly missingWatches = new MissingWatchTable();
  #attachment: Attachment;

  constructor(id: string, connection: Connection, backend: ExecBackend, retentionMs: number) {
    this.id = id;
    this.processes = new ProcessTable(backend, retentionMs);
    this.#attachment = { state: 'attached', connection };
    this.#pushTo(connection);
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
    this.#stopPushing();
    this.#attachment = { state: 'attached', connection };
    this.#pushTo(connection);
  }

  /** The connection has ended. Only its owner can detach a session: a late end of an older connection changes nothing. */
  detach(connection: Connection, ttlMs: number, onExpired: () => void): void {
    if (this.#attachment.state !== 'attached' || this.#attachment.connection !== connection) return;
    this.#stopPushing();
    const timer = setTimeout(onExpired, ttlMs);
    timer.unref();
    this.#attachment = { state: 'detached', expiresAt: performance.now() + ttlMs, timer };
  }

  async close(): Promise<void> {
    if (this.#attachment.state === 'detached') clearTimeout(this.#attachment.timer);
    this.#attachment = { state: 'closed' };
    await Promise.all([
      this.processes.close(),
      this.openFiles.closeAll(),
      this.watches.closeAll(),
      this.missingWatches.closeAll(),
    ]);
  }

  #pushTo({ channel }: Connection): void {
    this.processes.attach(channel);
    this.watches.attach(channel);
    this.missingWatches.attach(channel);
  }

  #stopPushing(): void {
    this.processes.detach();
    this.watches.detach();
    this.missingWatches.detach();
  }
}
