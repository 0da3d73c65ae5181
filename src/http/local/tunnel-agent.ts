import { type AgentOptions, type ClientRequestArgs, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { OutboundProxy } from './proxy-environment.js';
import { openTunnel, type TunnelOptions } from './tunnel.js';

export interface TunnelAgentOptions extends AgentOptions {
  /** For TLS to the proxy, and to the origin. */
  trust: SecureContext | undefined;
}

type Connected = (error: Error | null, socket: Duplex) => void;

/** Pools of connections to http origins through a proxy. */
export class TunnelAgent extends HttpAgent {
  readonly #open: (options: ClientRequestArgs) => Promise<Socket>;
  readonly #closing = new AbortController();

  constructor(proxy: OutboundProxy, { trust, ...options }: TunnelAgentOptions) {
    super(options);
    this.#open = opener(proxy, { trust, signal: this.#closing.signal });
  }

  override createConnection(options: ClientRequestArgs, connected?: Connected): undefined {
    settle(this.#open(options), connected);
  }

  override destroy(): void {
    this.#closing.abort();
    super.destroy();
  }
}

/** Pools of connections to https origins through a proxy, which sees only their names. */
export class SecureTunnelAgent extends HttpsAgent {
  readonly #open: (options: ClientRequestArgs) => Promise<Socket>;
  readonly #closing = new AbortController();

  constructor(proxy: OutboundProxy, { trust, ...options }: TunnelAgentOptions) {
    super({ ...options, ...(trust ? { secureContext: trust } : {}) });
    this.#open = opener(proxy, { trust, signal: this.#closing.signal });
  }

  override createConnection(options: RequestOptions, connected?: Connected): undefined {
    const secured = this.#open(options).then((socket) => {
      const inside: RequestOptions & { socket: Socket } = { ...options, socket };
      const secure = super.createConnection(inside);
      if (!secure) throw new Error('no TLS connection could be made inside the tunnel');
      return secure;
    });
    settle(secured, connected);
  }

  override destroy(): void {
    this.#closing.abort();
    super.destroy();
  }
}

function opener(proxy: OutboundProxy, tunnel: TunnelOptions): (options: ClientRequestArgs) => Promise<Socket> {
  return (options) => openTunnel(proxy, { host: String(options.host), port: Number(options.port) }, tunnel);
}

function settle(opened: Promise<Duplex>, connected: Connected | undefined): void {
  opened.then(
    (socket) => connected?.(null, socket),
    // With an error nobody looks at the socket.
    (error: Error) => connected?.(error, undefined as unknown as Duplex),
  );
}
