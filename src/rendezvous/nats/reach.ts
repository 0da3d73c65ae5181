import { setMaxListeners } from 'node:events';
import { clusterUnreachable } from './store.js';

/** Whether NATS can be reached. What is asked over one connection to it is answered over that one, or not at all. */
export class Reach {
  #connection = sharedAbort();

  /** Aborts when the present connection is lost, with what to tell whoever waits; aborted as long as there is none. */
  get signal(): AbortSignal {
    return this.#connection.signal;
  }

  lost(): void {
    this.#connection.abort(clusterUnreachable());
  }

  regained(): void {
    this.#connection = sharedAbort();
  }
}

/** One that any number of waits listen to: without a warning that this may be a leak. */
export function sharedAbort(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** The value, or the reason of the first signal that aborts. */
export async function unlessAborted<T>(value: Promise<T>, ...signals: AbortSignal[]): Promise<T> {
  const done = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    for (const signal of signals) {
      const onAbort = () => reject(signal.reason);
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true, signal: done.signal });
    }
  });
  try {
    return await Promise.race([aborted, value]);
  } finally {
    done.abort();
  }
}
