import { isIP } from 'node:net';

/** Where a server listens. */
export type ListenAddress =
  | { kind: 'websocket'; host: string; port: number }
  | { kind: 'unix'; path: string }
  | { kind: 'stdio' };

/** `--listen` does not name something to listen on. */
export class ListenAddressError extends Error {
  override readonly name = 'ListenAddressError';
}

/** Reads `ws://IP:PORT` (IPv6 in brackets), `unix:///absolute/path` or `stdio`. Throws ListenAddressError. */
export function parseListenAddress(text: string): ListenAddress {
  if (text === 'stdio' || text === 'stdio://') return { kind: 'stdio' };
  if (text.startsWith('unix://')) {
    const path = text.slice('unix://'.length);
    if (!path.startsWith('/'))
      throw new ListenAddressError(`invalid unix --listen URL \`${text}\`; expected \`unix:///absolute/path\``);
    return { kind: 'unix', path };
  }
  if (!text.startsWith('ws://')) {
    throw new ListenAddressError(
      `unsupported --listen URL \`${text}\`; expected \`ws://IP:PORT\`, \`unix:///path\` or \`stdio\``,
    );
  }
  const match = /^ws:\/\/(?:\[([^\]]+)\]|([^:/[\]]+)):(\d{1,5})\/?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (!match || isIP(host) !== (match[1] === undefined ? 4 : 6) || port > 65_535) {
    throw new ListenAddressError(
      `invalid websocket --listen URL \`${text}\`; expected \`ws://IP:PORT\`, such as \`ws://127.0.0.1:0\``,
    );
  }
  return { kind: 'websocket', host, port };
}

/** Is this address reachable from this machine only? */
export function isLoopback(host: string): boolean {
  return host === '::1' || (isIP(host) === 4 && host.startsWith('127.')) || /^::ffff:127\./i.test(host);
}

export function formatWebSocketUrl(host: string, port: number): string {
  return `ws://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
