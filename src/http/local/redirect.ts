import type { IncomingMessage } from 'node:http';
import { httpFailed } from '../errors.js';
import type { HttpHeader } from '../types.js';
import { basicAuthorization, has, type OutgoingRequest } from './check-request.js';
import { withoutSecrets } from './check-url.js';

const STATUSES = new Set([301, 302, 303, 307, 308]);

/** Said to one origin only. */
const OF_THE_ORIGIN = new Set(['authorization', 'cookie', 'cookie2', 'proxy-authorization', 'host']);

/** Describe a body that is not sent again. */
const OF_THE_BODY = new Set([
  'content-length',
  'transfer-encoding',
  'content-type',
  'content-encoding',
  'content-language',
  'content-location',
]);

/** Where an answer sends the request, if the request wants to follow. */
export function redirectTarget(request: OutgoingRequest, response: IncomingMessage): URL | undefined {
  const location = response.headers.location;
  if (request.redirectPolicy === 'stop' || location === undefined || !STATUSES.has(response.statusCode ?? 0)) return;
  const bytes = Buffer.from(location, 'latin1').toString();
  if (!URL.canParse(bytes, request.url.href)) throw notFollowed(request, `its location \`${bytes}\` is not a URL`);
  const target = new URL(bytes, request.url);
  if (target.protocol === 'http:' || target.protocol === 'https:') return target;
  throw notFollowed(request, `its location \`${bytes}\` is neither http nor https`);
}

/**
 * The request that follows a redirect. 301, 302 and 303 become GET without the body (HEAD stays HEAD), 307 and 308 keep
 * both; credentials and `host` stay with their origin; `referer` says where it came from, but never from https to http.
 */
export function redirected(request: OutgoingRequest, status: number, target: URL): OutgoingRequest {
  const keepsBody = status === 307 || status === 308;
  if (keepsBody && request.body !== undefined && !Buffer.isBuffer(request.body)) {
    throw notFollowed(request, 'the body was streamed and cannot be sent twice; send it from a buffer');
  }
  const sameOrigin = target.origin === request.url.origin;
  const headers = request.headers.filter(
    ({ name }) =>
      name !== 'referer' && (sameOrigin || !OF_THE_ORIGIN.has(name)) && (keepsBody || !OF_THE_BODY.has(name)),
  );
  if (!has(headers, 'authorization')) headers.push(...basicAuthorization(target));
  return {
    ...request,
    method: keepsBody || request.method === 'HEAD' ? request.method : 'GET',
    url: withoutSecrets(target),
    headers: [...referer(request.url, target), ...headers],
    body: keepsBody ? request.body : undefined,
  };
}

function referer(from: URL, to: URL): HttpHeader[] {
  if (from.protocol === 'https:' && to.protocol === 'http:') return [];
  return [{ name: 'referer', value: from.href }];
}

function notFollowed(request: OutgoingRequest, text: string): Error {
  return httpFailed({
    reason: 'redirect',
    phase: 'headers',
    url: request.url.href,
    text: `redirect not followed: ${text}`,
  });
}
