import type { z } from 'zod';
import { errorBody } from './contract.js';
import { RegistryError } from './errors.js';

export interface RegistryAccess {
  /** `https://…`, or `http://` to loopback. What is below it is ours. */
  baseUrl: string;
  /** Asked for every request, so that a rotated token is used from then on. Never logged. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** Default: Node's. Redirects are refused, whatever it does. */
  fetch?: typeof fetch | undefined;
  timeoutMs?: number | undefined;
}

interface RegistryRequest<T> {
  method: 'GET' | 'POST';
  /** From the base URL on, encoded. */
  path: string;
  body?: object;
  answer: z.ZodType<T>;
  signal?: AbortSignal | undefined;
}

/** As the real peers. */
const REQUEST_TIMEOUT_MS = 10_000;
/** As the real peers show of a refusal. */
const MAX_SHOWN_CHARACTERS = 4_096;
/** More is no answer of a registry. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** One question to a registry. Throws RegistryError, or the signal's reason. */
export async function askRegistry<T>(access: RegistryAccess, request: RegistryRequest<T>): Promise<T> {
  const { method, path, body, answer, signal } = request;
  const url = `${checkBaseUrl(access.baseUrl)}${path}`;
  const what = `${method} ${path}`;
  const headers: Record<string, string> = { ...(await access.headers()) };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const due = AbortSignal.timeout(access.timeoutMs ?? REQUEST_TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    response = await (access.fetch ?? fetch)(url, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'manual', // credentials go to nobody else
      signal: signal ? AbortSignal.any([signal, due]) : due,
    });
    text = await readText(response);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof RegistryError) throw error;
    throw new RegistryError(`the registry could not be reached (${what}): ${reasonOf(error)}`, {
      code: 'unreachable',
      retryable: true,
      cause: error,
    });
  }
  if (!response.ok) throw refusal(what, response, withoutCredentials(text, headers));
  const parsed = answer.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RegistryError(
    `the registry's answer does not fit its contract (${what}): \`${issue?.path.join('.')}\`: ${issue?.message}`,
    { code: 'invalid_answer', status: response.status, retryable: false },
  );
}

/** The base URL without a slash at its end. Throws RegistryError: credentials go in clear text to loopback only. */
export function checkBaseUrl(text: string): string {
  const refuse = (problem: string) => new RegistryError(problem, { code: 'invalid_url', retryable: false });
  if (!URL.canParse(text)) throw refuse('the base URL of the registry is no URL: expected https://HOST[/PATH]');
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    throw refuse('the base URL of the registry must be https, or http to loopback: a token would travel in clear text');
  }
  if (url.username || url.password || url.search || url.hash) {
    throw refuse('the base URL of the registry may hold no user, query or fragment');
  }
  return url.href.replace(/\/+$/, '');
}

/** Is a signed URL one that we may dial: wss, or ws to loopback? */
export function isSafeWebSocketUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'wss:' || (protocol === 'ws:' && isLoopback(hostname));
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new RegistryError(`the registry's answer is longer than ${MAX_ANSWER_BYTES} bytes`, {
        code: 'invalid_answer',
        status: response.status,
        retryable: false,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function refusal(what: string, response: Response, text: string): RegistryError {
  const { status } = response;
  const { code, said: words } = readRefusal(text);
  const redirected = status >= 300 && status < 400;
  const said = redirected
    ? 'it redirects, which is not followed because credentials would go along: set the base URL to where it points'
    : words;
  return new RegistryError(`the registry refused ${what} with HTTP ${status}: ${said}`, {
    code: code ?? `http_${status}`,
    status,
    retryable: status === 409 || status === 429 || status >= 500,
    retryAfterMs: retryAfterMs(response.headers.get('retry-after')),
  });
}

/** A registry may quote what it was sent, in an answer that ends up in a log. */
function withoutCredentials(text: string, { authorization = '' }: Readonly<Record<string, string>>): string {
  const secret = authorization.replace(/^Bearer /, '');
  return secret === '' ? text : text.replaceAll(secret, '…');
}

/** The body of a refusal: its code, if it has one, and what it says. */
export function readRefusal(body: string): { code: string | undefined; said: string } {
  const parsed = errorBody.safeParse(parseJson(body));
  const { code, message } = parsed.success ? parsed.data.error : {};
  const said = [code, message].filter(Boolean).join(': ').slice(0, MAX_SHOWN_CHARACTERS);
  return { code: code ?? undefined, said: said || 'without saying why' };
}

/** Seconds or a date. */
function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // whoever reads it says what was expected
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node's fetch says `fetch failed`, and why in the cause.
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause instanceof Error ? cause.message : error.message;
}
