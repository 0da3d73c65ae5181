import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { whenClosed } from './until.js';

export interface Shaping {
  /** Wait this long before forwarding what came. */
  delayMs?: number | undefined;
  /** Forward in writes of at most this many bytes; a function may give every write another size. */
  chopBytes?: number | (() => number) | undefined;
}

/** One connection through a proxy: two sockets, and a pump for each direction. */
export class ProxiedConnection {
  /** Resolves when both sockets have closed. */
  readonly ended: Promise<unknown>;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #shaping: () => Shaping;
  #running: Promise<void> | undefined;
  #run: () => void = () => undefined;

  constructor(client: Socket, server: Socket, shaping: () => Shaping) {
    this.#client = client;
    this.#server = server;
    this.#shaping = shaping;
    this.ended = Promise.all([whenClosed(client), whenClosed(server)]);
    // What one side suffers, the other shall too: a reset is passed on as a reset.
    client.on('error', () => server.resetAndDestroy());
    server.on('error', () => client.resetAndDestroy());
    void this.#pump(client, server);
    void this.#pump(server, client);
  }

  stall(): void {
    this.#running ??= new Promise((resolve) => {
      this.#run = resolve;
    });
  }

  resume(): void {
    this.#run();
    this.#running = undefined;
  }

  cut(): void {
    this.resume();
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  halfClose(side: 'client' | 'server'): void {
    (side === 'client' ? this.#server : this.#client).end();
  }

  /** Forwards one direction until it ends. Reads only what it can pass on: pressure goes through. */
  async #pump(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) await this.#forward(chunk, to);
      await this.#running;
      to.end();
    } catch {
      to.resetAndDestroy(); // `from` was reset or cut
    }
  }

  async #forward(chunk: Buffer, to: Socket): Promise<void> {
    const { delayMs = 0 } = this.#shaping();
    if (delayMs > 0) await delay(delayMs);
    for (let at = 0; at < chunk.length; ) {
      await this.#running;
      if (!to.writable) return;
      const { chopBytes = chunk.length } = this.#shaping();
      const size = Math.max(1, typeof chopBytes === 'function' ? chopBytes() : chopBytes);
      const more = to.write(chunk.subarray(at, at + size));
      at += size;
      // A piece that is followed by others leaves by itself: Nagle is off, and the next comes in a later turn.
      if (!more) await Promise.race([once(to, 'drain'), whenClosed(to)]);
      else if (at < chunk.length) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
