import { bodyTooLarge } from './errors.js';
import type { HttpResponse, HttpStreamResponse } from './types.js';

/** Reads a body to its end. Rejects with kind `too_large`, and cancels, as soon as it is known to exceed `maxBytes`. */
export async function readWhole(response: HttpStreamResponse, maxBytes: number): Promise<HttpResponse> {
  const { status, statusText, headers } = response;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > maxBytes) {
      response.cancel();
      throw bodyTooLarge(maxBytes);
    }
    chunks.push(chunk);
  }
  return { status, statusText, headers, body: Buffer.concat(chunks, size) };
}
