import type { EnvironmentStatus, EnvironmentStatusListener } from './types.js';

/** Tells of every change of a status, and of nothing that is not one. */
export class StatusNews {
  readonly #listeners = new Set<EnvironmentStatusListener>();
  #latest: EnvironmentStatus;

  constructor(initial: EnvironmentStatus) {
    this.#latest = initial;
  }

  subscribe(listener: EnvironmentStatusListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  announce(status: EnvironmentStatus): void {
    if (status.status === this.#latest.status && status.reason === this.#latest.reason) return;
    this.#latest = status;
    // In a microtask of its own: what a listener does, or throws, must not get in the way of whoever announces.
    for (const listener of this.#listeners) queueMicrotask(() => listener(status));
  }
}
