import type { Msg, NatsConnection } from 'nats';
import { z } from 'zod';
import { NODE_HEARTBEAT_MS, NODE_SILENT_HEARTBEATS } from './limits.js';
import { subjects } from './subjects.js';

const announcement = z.looseObject({ nodeId: z.string(), leaves: z.boolean().optional() });

/** Which nodes are there: each says so every few seconds, and at once when it hears a new one. */
export class NodeHeartbeats {
  readonly #nats: NatsConnection;
  readonly #nodeId: string;
  /** Node → our own heartbeats since it was last heard: while we stall, nobody grows older. */
  readonly #silentHeartbeats = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #reachable = true;

  constructor(nats: NatsConnection, nodeId: string) {
    this.#nats = nats;
    this.#nodeId = nodeId;
  }

  start(): void {
    this.#nats.subscribe(subjects.nodes, { callback: (error, message) => !error && this.#receive(message) });
    this.#announce();
    this.#timer = setInterval(() => this.#beat(), NODE_HEARTBEAT_MS);
    this.#timer.unref();
  }

  isAlive(nodeId: string): boolean {
    return nodeId === this.#nodeId || this.#silentHeartbeats.has(nodeId);
  }

  /** While nobody can be heard, nobody is declared dead. */
  reachable(reachable: boolean): void {
    this.#reachable = reachable;
    for (const nodeId of this.#silentHeartbeats.keys()) this.#silentHeartbeats.set(nodeId, 0);
    if (reachable) this.#announce();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#announce({ leaves: true });
  }

  #beat(): void {
    if (!this.#reachable) return;
    this.#announce();
    for (const [nodeId, silent] of this.#silentHeartbeats) {
      if (silent >= NODE_SILENT_HEARTBEATS) this.#silentHeartbeats.delete(nodeId);
      else this.#silentHeartbeats.set(nodeId, silent + 1);
    }
  }

  #announce(also: { leaves?: true } = {}): void {
    if (this.#nats.isClosed()) return;
    this.#nats.publish(subjects.nodes, JSON.stringify({ nodeId: this.#nodeId, ...also }));
  }

  #receive(message: Msg): void {
    const parsed = announcement.safeParse(jsonOf(message));
    if (!parsed.success) return; // a later version's, or a stranger's: nothing that we know of
    const { nodeId, leaves } = parsed.data;
    if (nodeId === this.#nodeId) return;
    if (leaves) {
      this.#silentHeartbeats.delete(nodeId);
      return;
    }
    const isNew = !this.#silentHeartbeats.has(nodeId);
    this.#silentHeartbeats.set(nodeId, 0);
    if (isNew) this.#announce();
  }
}

function jsonOf(message: Msg): unknown {
  try {
    return message.json();
  } catch {
    return undefined; // whoever reads it says what was expected
  }
}
