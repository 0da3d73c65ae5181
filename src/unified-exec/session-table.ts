import { randomInt } from 'node:crypto';
import { FIRST_SESSION_ID, LAST_SESSION_ID, REMEMBERED_ENDS } from './limits.js';
import type { Session } from './session.js';

/** The sessions of one agent, and how those ended that are gone. */
export class SessionTable {
  readonly #sessions = new Map<number, Session>();
  /** Ids of commands that are being started. */
  readonly #reserved = new Set<number>();
  readonly #ends = new Map<number, string>();

  get size(): number {
    return this.#sessions.size;
  }

  /** Those that are there, and those that are about to be. */
  get claimed(): number {
    return this.#sessions.size + this.#reserved.size;
  }

  get(id: number): Session | undefined {
    return this.#sessions.get(id);
  }

  all(): Session[] {
    return [...this.#sessions.values()];
  }

  /** An id that no session has or, as far as is remembered, has had. */
  reserve(): number {
    for (;;) {
      const id = randomInt(FIRST_SESSION_ID, LAST_SESSION_ID + 1);
      if (this.#reserved.has(id) || this.#sessions.has(id) || this.#ends.has(id)) continue;
      this.#reserved.add(id);
      return id;
    }
  }

  /** Gives back an id whose command was not started. */
  abandon(id: number): void {
    this.#reserved.delete(id);
  }

  add(session: Session): void {
    this.#reserved.delete(session.id);
    this.#sessions.set(session.id, session);
  }

  /** `how`: what became of it, as the end of a sentence for a model that asks for it later. */
  remove(id: number, how: string): void {
    if (!this.#sessions.delete(id)) return;
    this.#ends.set(id, how);
    const [oldest] = this.#ends.keys();
    if (this.#ends.size > REMEMBERED_ENDS && oldest !== undefined) this.#ends.delete(oldest);
  }

  howEnded(id: number): string | undefined {
    return this.#ends.get(id);
  }
}
