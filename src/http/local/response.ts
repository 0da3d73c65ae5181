import type { IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { httpCancelled } from '../errors.js';
import type { HttpHeader, HttpStreamResponse } from '../types.js';
import { failure } from './failure.js';
import { DISCARD_MS, MAX_DISCARDED_BODY_BYTES } from './limits.js';
import type { RequestLife } from './request-life.js';

/** The answer as callers see it. Its life is over when its body is. */
export function streamResponse(response: IncomingMessage, life: RequestLife): HttpStreamResponse {
  bindToLife(response, life);
  const cancel = () => life.end(httpCancelled('was cancelled'));
  return {
    status: response.statusCode ?? 0,
    statusText: latin1AsUtf8(response.statusMessage ?? ''),
    headers: headersOf(response.rawHeaders),
    body: readBody(response, life),
    cancel,
    [Symbol.asyncDispose]: async () => cancel(),
  };
}

/** Lets go of an answer that nobody will read; where its body is short and there, the connection is ready when this resolves. */
export async function discard(response: IncomingMessage, life: RequestLife): Promise<void> {
  response.on('error', () => undefined); // the request goes on elsewhere
  const length = Number(response.headers['content-length'] ?? Number.NaN);
  if (!(length <= MAX_DISCARDED_BODY_BYTES)) {
    response.destroy();
    return;
  }
  const closed = new Promise((resolve) => response.once('close', resolve));
  response.resume();
  await Promise.race([closed, setTimeout(DISCARD_MS, undefined, { ref: false })]);
  life.whenOver(() => response.destroy());
}

function bindToLife(response: IncomingMessage, life: RequestLife): void {
  const onEnd = () => response.destroy(life.ended);
  life.signal.addEventListener('abort', onEnd, { once: true });
  response.on('error', () => undefined); // told by the body
  response.once('close', () => life.over());
}

async function* readBody(response: IncomingMessage, life: RequestLife): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (error) {
    throw failure(error, life);
  }
}

function headersOf(raw: readonly string[]): HttpHeader[] {
  const headers: HttpHeader[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    headers.push({ name: String(raw[at]).toLowerCase(), value: latin1AsUtf8(String(raw[at + 1])) });
  }
  return headers;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Node gives each byte as a character. What is not UTF-8 stays so. */
function latin1AsUtf8(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: plain ASCII is what nearly all headers are
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  try {
    return utf8.decode(Buffer.from(text, 'latin1'));
  } catch (error) {
    if (error instanceof TypeError) return text;
    throw error;
  }
}
