import { invalidParams, type WireError } from '../../protocol/errors.js';

/** Reads an absolute http or https URL. What is wrong with another is said in the words of the real peers. */
export function checkUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) throw invalidParams(`http/request url is invalid: ${whatIsWrong(text)}`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw unsupportedScheme(url);
  return url;
}

/** Host without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === 'https:' ? 443 : 80));
}

/** What may be shown and sent on: no user, password or fragment. */
export function withoutSecrets(url: URL): URL {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  bare.hash = '';
  return bare;
}

/** Of a user or password; a stray percent sign stands for itself. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

function unsupportedScheme(url: URL): WireError {
  return invalidParams(`http/request only supports http and https URLs, got ${url.protocol.slice(0, -1)}`);
}

function whatIsWrong(text: string): string {
  const authority = /^\s*[a-z][a-z0-9+.-]*:[/\\]*([^/\\?#]*)/i.exec(text)?.[1];
  if (authority === undefined) return 'relative URL without a base';
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (host === '' || host.startsWith(':')) return 'empty host';
  if (host.startsWith('[')) return 'invalid IPv6 address';
  if (/:(?!\d{0,5}$)/.test(host) || Number(/:(\d+)$/.exec(host)?.[1] ?? 0) > 65535) return 'invalid port number';
  return 'invalid host name';
}
