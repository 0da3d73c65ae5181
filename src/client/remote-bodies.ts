import { serverNotifications } from '../protocol/methods.js';
import type { RemoteBody } from './remote-body.js';

/** The bodies that a client is being sent, by the ids of their requests. */
export class RemoteBodies {
  readonly #bodies = new Map<string, RemoteBody>();

  /** To be done before the request is sent: a body can overtake its answer. */
  add(requestId: string, body: RemoteBody): void {
    this.#bodies.set(requestId, body);
  }

  delete(requestId: string): void {
    this.#bodies.delete(requestId);
  }

  /** Hands on what is pushed. What belongs to a request that is over is late, and dropped. */
  deliver(params: unknown): void {
    const { success, data } = serverNotifications['http/request/bodyDelta'].safeParse(params);
    // One that does not fit the protocol leaves a hole in the count, and the next one fails because of it.
    if (success) this.#bodies.get(data.requestId)?.deliver(data);
  }

  failAll(error: Error): void {
    for (const body of [...this.#bodies.values()]) body.fail(error);
  }
}
