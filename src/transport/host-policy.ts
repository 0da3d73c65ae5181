import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isLoopback, type ListenAddress, ListenAddressError } from './listen-address.js';
import type { HttpRefusal } from './websocket-listen.js';

/**
 * Turns browsers away. Any `Origin` is one; a `Host` that is a name which was not configured is a page that has pointed
 * its own name at our address (DNS rebinding).
 */
export function refuseBrowsers(request: IncomingMessage, allowedHosts: readonly string[]): HttpRefusal | undefined {
  if (request.headers.origin !== undefined) {
    return { status: 403, reason: 'requests with an Origin header are refused: this is no service for web pages' };
  }
  const host = hostName(request.headers.host ?? '');
  if (isIP(host) !== 0 || host === 'localhost' || allowedHosts.includes(host)) return undefined;
  return { status: 403, reason: 'the Host header names neither an IP address, nor localhost, nor a configured host' };
}

/** Throws ListenAddressError for an address that other machines can reach, unless that is wanted. */
export function requireLoopback(address: ListenAddress, insecureNoAuth: boolean): void {
  if (address.kind !== 'websocket' || isLoopback(address.host) || insecureNoAuth) return;
  throw new ListenAddressError(
    `refusing to listen on ${address.host}, which other machines can reach, without authentication; ` +
      'expected a loopback address such as 127.0.0.1, or --insecure-no-auth if the network itself is trusted',
  );
}

/** `name:port`, `1.2.3.4:port` or `[::1]:port` without the port and the brackets. */
function hostName(header: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header);
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase();
}
