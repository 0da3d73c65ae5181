import { randomUUID } from 'node:crypto';
import type { ExecBackend } from '../process/types.js';
import { ErrorCode, invalidRequest, WireError } from '../protocol/errors.js';
import type { Connection } from './connection.js';
import { MAX_SESSIONS, TAKEOVER_PROBE_MS } from './limits.js';
import { Session } from './session.js';

export interface SessionRegistryOptions {
  backend: ExecBackend;
  sessionTtlMs: number;
  processRetentionMs: number;
}

/** All sessions of a server. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;
  readonly #sessions = new Map<string, Session>();

  constructor(options: SessionRegistryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get ttlMs(): number {
    return this.#options.sessionTtlMs;
  }

  create(connection: Connection): Session {
    if (this.#sessions.size >= MAX_SESSIONS) {
      throw invalidRequest('limit_reached', `${MAX_SESSIONS} sessions exist, which is the limit`, { retryable: true });
    }
    const { backend, processRetentionMs } = this.#options;
    const session = new Session(randomUUID(), connection, backend, processRetentionMs);
    this.#sessions.set(session.id, session);
    return session;
  }

  /**
   * Gives a session to a new connection. One that is still attached is given only if its connection turns out dead: its
   * host may have vanished without closing.
   */
  async resume(id: string, connection: Connection): Promise<Session> {
    const session = this.#find(id);
    const holder = session.connection;
    if (holder && (await holder.channel.probe(TAKEOVER_PROBE_MS)) && session.connection === holder) {
      throw attachedElsewhere(id);
    }
    // While we waited it may have expired, or somebody else may have come first.
    const found = this.#find(id);
    if (found.connection && found.connection !== holder) throw attachedElsewhere(id);
    if (connection.closed)
      throw invalidRequest('disconnected', 'the connection ended while the session was being resumed');
    if (found.connection) found.connection.supersede();
    found.attach(connection);
    return found;
  }

  detach(session: Session, connection: Connection): void {
    session.detach(connection, this.#options.sessionTtlMs, () => void this.#expire(session));
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(sessions.map((session) => session.close()));
  }

  #find(id: string): Session {
    const session = this.#sessions.get(id);
    if (!session || session.expired) {
      if (session) void this.#expire(session);
      throw invalidRequest('unknown_session', `unknown session id ${id}`);
    }
    return session;
  }

  async #expire(session: Session): Promise<void> {
    if (this.#sessions.delete(session.id)) await session.close();
  }
}

function attachedElsewhere(id: string): WireError {
  return new WireError(ErrorCode.sessionAttached, `session ${id} is already attached to another connection`, {
    kind: 'session_attached',
    retryable: true,
  });
}
