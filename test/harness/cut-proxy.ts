import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { atEnd } from './cleanup.js';
import { ProxiedConnection, type Shaping } from './proxied-connection.js';

/**
 * A network that misbehaves on command: a TCP proxy on 127.0.0.1 in front of a server. Changes of `shaping` count from the
 * next bytes on.
 */
export class CutProxy {
  /** Turns new connections away at once. */
  refuseNew = false;
  /** Takes new connections, and forwards nothing of them until `resume`. */
  stallNew = false;
  /** Cuts new connections on which nothing has come or gone for this long, as proxies do. */
  idleTimeoutMs: number | undefined;
  /** Of both directions of all connections. */
  shaping: Shaping = {};
  readonly #server: Server;
  readonly #target: URL;
  readonly #connections = new Set<ProxiedConnection>();
  #accepted = 0;

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.#target = new URL(target);
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** In front of `ws://HOST:PORT`. Ends with the test. */
  static async listen(target: string, shaping: Shaping = {}): Promise<CutProxy> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    const proxy = new CutProxy(server, target);
    proxy.shaping = shaping;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    atEnd(() => proxy.close());
    return proxy;
  }

  /** The way to the server through this proxy. */
  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Connections that were ever taken. */
  get acceptedCount(): number {
    return this.#accepted;
  }

  /** Resets every connection on both sides, as a dying network or host does. */
  cutAll(): void {
    for (const connection of this.#connections) connection.cut();
  }

  /** Forwards nothing more of the connections that are open, closing none: the half-open case. New ones work. */
  stall(): void {
    for (const connection of this.#connections) connection.stall();
  }

  resume(): void {
    for (const connection of this.#connections) connection.resume();
  }

  /** Ends one direction only: `client` stops what the client sends, `server` what the server sends. */
  halfClose(side: 'client' | 'server'): void {
    for (const connection of this.#connections) connection.halfClose(side);
  }

  async close(): Promise<void> {
    this.cutAll();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.refuseNew) {
      client.on('error', () => undefined); // a client that is gone already; without a listener it would end the test
      client.resetAndDestroy();
      return;
    }
    this.#accepted++;
    const host = this.#target.hostname.replace(/^\[|\]$/g, '');
    const server = connect({ host, port: Number(this.#target.port), noDelay: true, allowHalfOpen: true });
    const connection = new ProxiedConnection(client, server, () => this.shaping);
    if (this.stallNew) connection.stall();
    if (this.idleTimeoutMs !== undefined) client.setTimeout(this.idleTimeoutMs, () => connection.cut());
    this.#connections.add(connection);
    void connection.ended.then(() => this.#connections.delete(connection));
  }
}
