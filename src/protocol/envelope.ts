import type { WireErrorObject } from './errors.js';
import { scanJson } from './json.js';

/** A request id, echoed as it came. Integers beyond 2^53 are kept exact as bigint. */
export type RequestId = string | number | bigint;

/** One message as it came off the wire. The wire carries no `jsonrpc` member; one that comes is ignored. */
export type IncomingMessage =
  | { type: 'request'; id: RequestId; method: string; params: unknown }
  | { type: 'notification'; method: string; params: unknown }
  | { type: 'response'; id: RequestId; result: unknown }
  | { type: 'error'; id: RequestId; error: WireErrorObject }
  /** Not a message. It is answered with error id -1; the connection lives. */
  | { type: 'invalid'; reason: string };

/** The id of answers to messages whose own id could not be read. */
export const UNREADABLE_ID = -1;

export function decodeMessage(text: string, maxValues?: number): IncomingMessage {
  let value: unknown;
  let idNumber: string | undefined;
  try {
    // In this order: the limits hold before anything is built, else 64 MiB of `{},` would cost 2 GB.
    idNumber = scanJson(text, maxValues).topLevelIdNumber;
    value = JSON.parse(text);
  } catch (error) {
    return { type: 'invalid', reason: error instanceof Error ? error.message : String(error) };
  }
  if (Array.isArray(value))
    return { type: 'invalid', reason: 'expected one JSON-RPC object; batches are not supported' };
  if (typeof value !== 'object' || value === null) return { type: 'invalid', reason: 'expected a JSON-RPC object' };

  const message = value as Record<string, unknown>;
  const id = readId(message.id, idNumber);
  if ('method' in message) {
    if (typeof message.method !== 'string') return { type: 'invalid', reason: '`method` must be a string' };
    if (!('id' in message)) return { type: 'notification', method: message.method, params: message.params };
    if (id === undefined) return { type: 'invalid', reason: '`id` must be a string or a 64-bit integer' };
    return { type: 'request', id, method: message.method, params: message.params };
  }
  if (id === undefined) return { type: 'invalid', reason: 'neither a `method` nor a readable `id`' };
  if ('result' in message) return { type: 'response', id, result: message.result };
  if (isErrorObject(message.error)) return { type: 'error', id, error: message.error };
  return { type: 'invalid', reason: 'missing field `error`: neither a request, a notification nor a response' };
}

const I64_MAX = 2n ** 63n - 1n;
const I64_MIN = -(2n ** 63n);

function readId(id: unknown, rawNumber: string | undefined): RequestId | undefined {
  if (typeof id === 'string') return id;
  if (typeof id !== 'number' || rawNumber === undefined || !/^(0|-?[1-9]\d*)$/.test(rawNumber)) return undefined;
  if (Number.isSafeInteger(id)) return id;
  const exact = BigInt(rawNumber);
  return exact >= I64_MIN && exact <= I64_MAX ? exact : undefined;
}

function isErrorObject(value: unknown): value is WireErrorObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'number' &&
    'message' in value &&
    typeof value.message === 'string'
  );
}

function encodeId(id: RequestId): string {
  return typeof id === 'bigint' ? id.toString() : JSON.stringify(id);
}

export function encodeRequest(id: RequestId, method: string, params: unknown): string {
  return `{"id":${encodeId(id)},"method":${JSON.stringify(method)},"params":${JSON.stringify(params ?? null)}}`;
}

export function encodeNotification(method: string, params: unknown): string {
  return `{"method":${JSON.stringify(method)},"params":${JSON.stringify(params ?? null)}}`;
}

export function encodeResult(id: RequestId, result: unknown): string {
  return `{"id":${encodeId(id)},"result":${JSON.stringify(result ?? null)}}`;
}

export function encodeError(id: RequestId, error: WireErrorObject): string {
  return `{"id":${encodeId(id)},"error":${JSON.stringify(error)}}`;
}

/** JSON of a string with everything outside ASCII escaped, so that a frame built around it is latin1-safe. */
export function asciiJson(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
