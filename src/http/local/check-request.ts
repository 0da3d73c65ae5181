import { invalidParams } from '../../protocol/errors.js';
import type { HttpHeader, HttpRequest, HttpRequestHeader, RedirectPolicy } from '../types.js';
import { checkUrl, percentDecoded, withoutSecrets } from './check-url.js';

/** A request that can be sent. */
export interface OutgoingRequest {
  method: string;
  /** Without user, password and fragment. */
  url: URL;
  /** Names in lower case; values as the bytes of their UTF-8, one character each, which is how Node writes them. */
  headers: HttpHeader[];
  body: Buffer | AsyncIterable<Buffer> | undefined;
  redirectPolicy: RedirectPolicy;
}

/** Resolves header values from `env`. Throws `invalid_params`, in the real peers' words, for what cannot be sent. */
export function checkRequest(request: HttpRequest, env: NodeJS.ProcessEnv): OutgoingRequest {
  checkMethod(request.method);
  const url = checkUrl(request.url);
  const headers = (request.headers ?? []).map((header) => checkHeader(header, env));
  checkFraming(headers, request.body);
  if (!has(headers, 'authorization')) headers.push(...basicAuthorization(url));
  if (!has(headers, 'accept')) headers.push({ name: 'accept', value: '*/*' });
  return {
    method: request.method,
    url: withoutSecrets(url),
    headers,
    body: request.body,
    redirectPolicy: request.redirectPolicy ?? 'follow',
  };
}

export function has(headers: readonly HttpHeader[], name: string): boolean {
  return headers.some((header) => header.name === name);
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a header value must not have
const NOT_IN_A_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;

function checkMethod(method: string): void {
  if (!TOKEN.test(method)) throw invalidParams('http/request method is invalid: invalid HTTP method');
  if (method.toUpperCase() === 'CONNECT') {
    throw invalidParams(
      'http/request method is invalid: CONNECT opens a tunnel, not a request; forward a port instead',
    );
  }
}

function checkHeader(header: HttpRequestHeader, env: NodeJS.ProcessEnv): HttpHeader {
  if (!TOKEN.test(header.name)) throw invalidParams('http/request header name is invalid: invalid HTTP header name');
  const value = header.value + fromEnvironment(header, env);
  if (NOT_IN_A_VALUE.test(value)) {
    throw invalidParams(`http/request header value is invalid for ${header.name}: failed to parse header value`);
  }
  return { name: header.name.toLowerCase(), value: Buffer.from(value).toString('latin1') };
}

function fromEnvironment({ name, valueEnvVar }: HttpRequestHeader, env: NodeJS.ProcessEnv): string {
  if (valueEnvVar == null) return '';
  const value = env[valueEnvVar];
  // An empty one would send a credential without its secret.
  if (!value) throw invalidParams(`http/request header ${name} requires executor environment variable ${valueEnvVar}`);
  return value;
}

/** A body of another length than is announced would leave the connection to whoever comes next in the middle of it. */
function checkFraming(headers: readonly HttpHeader[], body: HttpRequest['body']): void {
  const lengths = headers.filter(({ name }) => name === 'content-length').map(({ value }) => value);
  const [length] = lengths;
  if (length === undefined) return;
  if (lengths.length > 1 || !/^\d+$/.test(length) || has(headers, 'transfer-encoding')) {
    throw invalidParams(
      `http/request header content-length must be one number, without transfer-encoding, got ${lengths.join(', ')}`,
    );
  }
  const actual = body === undefined ? 0 : Buffer.isBuffer(body) ? body.length : undefined;
  if (actual !== undefined && Number(length) !== actual) {
    throw invalidParams(`http/request header content-length is ${length}, but the body has ${actual} bytes`);
  }
}

/** What a URL's user and password become. */
export function basicAuthorization(url: URL): HttpHeader[] {
  if (!url.username && !url.password) return [];
  const userinfo = `${percentDecoded(url.username)}:${percentDecoded(url.password)}`;
  return [{ name: 'authorization', value: `Basic ${Buffer.from(userinfo).toString('base64')}` }];
}
