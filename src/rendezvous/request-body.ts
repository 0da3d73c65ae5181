import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { scanJson } from '../protocol/json.js';
import { RendezvousError } from './errors.js';
import { MAX_BODY_BYTES } from './limits.js';

/** Reads a body once, whoever asks for it. Rejects with RendezvousError when it is too long. */
export function bodyReader(request: IncomingMessage): () => Promise<Buffer> {
  let body: Promise<Buffer> | undefined;
  return () => {
    body ??= readAll(request);
    return body;
  };
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // What is too long is read all the same, and not kept: who leaves this loop early destroys the socket that the answer needs.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (bytes <= MAX_BODY_BYTES) return Buffer.concat(chunks);
  throw new RendezvousError('invalid_request', `the body is longer than ${MAX_BODY_BYTES} bytes`);
}

/** Throws RendezvousError `invalid_request`. */
export function parseBody<T>(body: Buffer, shape: z.ZodType<T>): T {
  let value: unknown;
  try {
    const text = body.toString();
    scanJson(text);
    value = JSON.parse(text);
  } catch {
    throw new RendezvousError('invalid_request', 'the body is no JSON');
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RendezvousError(
    'invalid_request',
    `the body does not fit: \`${issue?.path.join('.')}\`: ${issue?.message}`,
  );
}
