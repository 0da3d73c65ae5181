import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { SecureContext } from 'node:tls';
import type { HttpHeader } from '../types.js';
import { trustFrom } from './ca-certificates.js';
import { hostOf, portOf } from './check-url.js';
import { IDLE_CONNECTION_MS, MAX_IDLE_CONNECTIONS } from './limits.js';
import { type OutboundProxy, proxyFor } from './proxy-environment.js';
import { isSocks, proxyAuthorization } from './tunnel.js';
import { SecureTunnelAgent, TunnelAgent } from './tunnel-agent.js';

/** How a request gets to its origin. */
export interface Route {
  agent: HttpAgent;
  /** Where the connection goes, and whether TLS is spoken there. */
  host: string;
  port: number;
  secure: boolean;
  /** As it stands in the request line. */
  target: string;
  /** For a proxy on the way. */
  headers: HttpHeader[];
}

/** Node's agents keep one pool per origin, without a limit on connections: who is slow delays only itself. */
const POOL: AgentOptions = {
  keepAlive: true,
  timeout: IDLE_CONNECTION_MS,
  maxFreeSockets: MAX_IDLE_CONNECTIONS,
  // The connection used last is the one least likely to have been closed by the origin.
  scheduling: 'lifo',
};

/** The ways out of this machine, by what the environment says about proxies and certificates, each with its pools. */
export class Routes {
  readonly #env: NodeJS.ProcessEnv;
  readonly #agents = new Map<string, HttpAgent>();
  #trust: { context: SecureContext | undefined } | undefined;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** Throws a WireError or a CaCertificateError when the environment is wrong. */
  to(url: URL): Route {
    const proxy = proxyFor(url, this.#env);
    if (!proxy) return this.#direct(url);
    if (url.protocol === 'http:' && !isSocks(proxy)) return this.#forwarded(url, proxy);
    return this.#tunnelled(url, proxy);
  }

  /** Closes the connections, used ones too. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #direct(url: URL): Route {
    const secure = url.protocol === 'https:';
    const agent = this.#agent(url.protocol, () => (secure ? this.#secureAgent() : new HttpAgent(POOL)));
    return {
      agent,
      host: hostOf(url),
      port: portOf(url),
      secure,
      target: url.href.slice(url.origin.length),
      headers: [],
    };
  }

  #forwarded(url: URL, proxy: OutboundProxy): Route {
    const secure = proxy.url.protocol === 'https:';
    const agent = this.#agent(`forward ${proxy.url}`, () => (secure ? this.#secureAgent() : new HttpAgent(POOL)));
    const headers = Object.entries(proxyAuthorization(proxy)).map(([name, value]) => ({ name, value }));
    return { agent, host: hostOf(proxy.url), port: portOf(proxy.url), secure, target: url.href, headers };
  }

  #tunnelled(url: URL, proxy: OutboundProxy): Route {
    const secure = url.protocol === 'https:';
    const agent = this.#agent(`tunnel ${url.protocol} ${proxy.url}`, () => {
      const trust = secure || proxy.url.protocol === 'https:' ? this.#trusted() : undefined;
      return secure ? new SecureTunnelAgent(proxy, { ...POOL, trust }) : new TunnelAgent(proxy, { ...POOL, trust });
    });
    return {
      agent,
      host: hostOf(url),
      port: portOf(url),
      secure,
      target: url.href.slice(url.origin.length),
      headers: [],
    };
  }

  #agent(key: string, create: () => HttpAgent): HttpAgent {
    const agent = this.#agents.get(key) ?? create();
    this.#agents.set(key, agent);
    return agent;
  }

  #secureAgent(): HttpsAgent {
    const secureContext = this.#trusted();
    return new HttpsAgent({ ...POOL, ...(secureContext ? { secureContext } : {}) });
  }

  #trusted(): SecureContext | undefined {
    this.#trust ??= { context: trustFrom(this.#env) };
    return this.#trust.context;
  }
}
