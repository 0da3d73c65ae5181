import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect as connectSocket, isIPv6, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { basicAuthorization } from './check-request.js';
import { hostOf, portOf } from './check-url.js';
import { MAX_TUNNEL_ANSWER_BYTES, TUNNEL_TIMEOUT_MS } from './limits.js';
import type { OutboundProxy } from './proxy-environment.js';
import { ProxyError } from './proxy-error.js';
import { socksHandshake } from './socks.js';

export interface TunnelTarget {
  host: string;
  port: number;
}

export interface TunnelOptions {
  /** For TLS to the proxy. */
  trust?: SecureContext | undefined;
  /** Gives up a tunnel that is not open yet. */
  signal?: AbortSignal | undefined;
}

/** Opens a connection to a target through a proxy. Rejects with a ProxyError. */
export async function openTunnel(
  proxy: OutboundProxy,
  target: TunnelTarget,
  options: TunnelOptions = {},
): Promise<Socket> {
  try {
    return await (isSocks(proxy) ? throughSocks(proxy, target, options) : throughConnect(proxy, target, options));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message || String(cause) : String(cause);
    throw new ProxyError(`the proxy of ${proxy.variable} (${proxy.url.host}) opened no connection: ${why}`, { cause });
  }
}

export function isSocks(proxy: OutboundProxy): boolean {
  return proxy.url.protocol.startsWith('socks');
}

/** What a proxy wants to know of us: the user and password of its URL. */
export function proxyAuthorization(proxy: OutboundProxy): Record<string, string> {
  const [authorization] = basicAuthorization(proxy.url);
  return authorization ? { 'proxy-authorization': authorization.value } : {};
}

function throughConnect(proxy: OutboundProxy, target: TunnelTarget, { trust, signal }: TunnelOptions): Promise<Socket> {
  const authority = `${isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`;
  const options: RequestOptions & { secureContext?: SecureContext } = {
    host: hostOf(proxy.url),
    port: portOf(proxy.url),
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...proxyAuthorization(proxy) },
    agent: false,
    maxHeaderSize: MAX_TUNNEL_ANSWER_BYTES,
    ...(trust ? { secureContext: trust } : {}),
    ...(signal ? { signal } : {}),
  };
  const request = proxy.url.protocol === 'https:' ? httpsRequest(options) : httpRequest(options);
  return new Promise((resolve, reject) => {
    request.setTimeout(TUNNEL_TIMEOUT_MS, () => request.destroy(new Error('it did not answer in time')));
    request.once('error', reject);
    request.once('connect', (response, socket: Socket, head: Buffer) => {
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      const { statusCode = 0, statusMessage = '' } = response;
      if (statusCode >= 200 && statusCode < 300) return resolve(socket);
      socket.destroy();
      reject(new Error(`it answered ${statusCode} ${statusMessage}`.trimEnd()));
    });
    // Nothing of it ends here: the tunnel is the connection.
    request.removeHeader('connection');
    request.end();
  });
}

async function throughSocks(proxy: OutboundProxy, target: TunnelTarget, { signal }: TunnelOptions): Promise<Socket> {
  const socket = connectSocket({ host: hostOf(proxy.url), port: Number(proxy.url.port || 1080), noDelay: true });
  socket.setTimeout(TUNNEL_TIMEOUT_MS, () => socket.destroy(new Error('it did not answer in time')));
  const giveUp = () => socket.destroy();
  signal?.addEventListener('abort', giveUp);
  try {
    await socksHandshake(socket, proxy.url, target);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
  socket.setTimeout(0);
  return socket;
}
