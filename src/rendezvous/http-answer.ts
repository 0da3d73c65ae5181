import type { ServerResponse } from 'node:http';
import type { RendezvousError } from './errors.js';

export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function jsonAnswer(status: number, value: object, headers: Record<string, string> = {}): HttpAnswer {
  const body = `${JSON.stringify(value)}\n`;
  return {
    status,
    // What is answered holds signed URLs, and is about this moment.
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...lengthOf(body), ...headers },
    body,
  };
}

export function textAnswer(status: number, text: string, headers: Record<string, string> = {}): HttpAnswer {
  const body = `${text}\n`;
  return { status, headers: { 'content-type': 'text/plain', ...lengthOf(body), ...headers }, body };
}

/** The body that every peer reads: `{"error": {code, message}}`. */
export function errorAnswer({ status, code, message, retryAfterMs }: RendezvousError): HttpAnswer {
  const headers: Record<string, string> = {};
  if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000));
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  return jsonAnswer(status, { error: { code, message } }, headers);
}

export function sendAnswer(response: ServerResponse, { status, headers, body }: HttpAnswer, withBody = true): void {
  response.writeHead(status, headers);
  response.end(withBody ? body : undefined);
}

function lengthOf(body: string): Record<string, string> {
  return { 'content-length': String(Buffer.byteLength(body)) };
}
