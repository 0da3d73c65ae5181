import { isIP } from 'node:net';
import { isLoopback, ListenAddressError } from '../transport/listen-address.js';

export interface ListenUrl {
  tls: boolean;
  host: string;
  port: number;
}

/** Reads `http://IP:PORT` or `https://IP:PORT`, or the same with ws; IPv6 in brackets. Throws ListenAddressError. */
export function parseListenUrl(text: string): ListenUrl {
  const match = /^(https?|wss?):\/\/(?:\[([^\]]+)\]|([^:/[\]]+)):(\d{1,5})\/?$/.exec(text);
  const host = match?.[2] ?? match?.[3] ?? '';
  const port = Number(match?.[4]);
  if (!match || isIP(host) !== (match[2] === undefined ? 4 : 6) || port > 65_535) {
    throw new ListenAddressError(
      `invalid --listen URL \`${text}\`; expected \`http://IP:PORT\` or \`https://IP:PORT\`, such as \`http://127.0.0.1:0\``,
    );
  }
  return { tls: match[1] === 'https' || match[1] === 'wss', host, port };
}

export function formatListenUrl({ tls, host }: ListenUrl, port: number): string {
  return `${tls ? 'https' : 'http'}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** Throws ListenAddressError where tokens would travel in clear text, or nobody could reach what is signed. */
export function checkListenUrl(
  listen: ListenUrl,
  { behindTlsProxy, hasTls, publicUrl }: { behindTlsProxy: boolean; hasTls: boolean; publicUrl: string | undefined },
): void {
  if (listen.tls !== hasTls) {
    throw new ListenAddressError(
      listen.tls
        ? 'https needs a certificate and its key: --tls-cert and --tls-key'
        : 'a certificate was given, but the --listen URL begins with http',
    );
  }
  if (!listen.tls && !isLoopback(listen.host) && !behindTlsProxy) {
    throw new ListenAddressError(
      `refusing to listen on ${listen.host}, which other machines can reach, in clear text: tokens would be seen; ` +
        'expected https with --tls-cert and --tls-key, or --behind-tls-proxy where something else ends TLS in front of it',
    );
  }
  if (publicUrl === undefined && (behindTlsProxy || listen.host === '0.0.0.0' || listen.host === '::')) {
    throw new ListenAddressError('--public-url is needed: the URL that executors and harnesses reach this by');
  }
}
