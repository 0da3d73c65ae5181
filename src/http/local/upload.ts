import type { ClientRequest } from 'node:http';
import { httpFailed } from '../errors.js';
import type { RequestLife } from './request-life.js';

/**
 * Sends a streamed body at the pace of the connection. When the body fails, or is not as long as was announced, the
 * request does: nobody may take what was sent for the whole. When the connection is done, the body is told to stop.
 */
export async function upload(body: AsyncIterable<Buffer>, request: ClientRequest, life: RequestLife): Promise<void> {
  const announced = request.getHeader('content-length');
  const left = announced === undefined ? undefined : Number(announced);
  try {
    await sendAll(body, request, left);
  } catch (cause) {
    if (request.destroyed) return; // why is known to who destroyed it
    const why = cause instanceof Error ? cause.message : String(cause);
    const { phase, url } = life;
    const at = phase === 'body' ? phase : 'headers';
    life.end(httpFailed({ reason: 'request_body', phase: at, url, text: `the request body failed: ${why}`, cause }));
  }
}

async function sendAll(body: AsyncIterable<Buffer>, request: ClientRequest, announced?: number): Promise<void> {
  let sent = 0;
  for await (const chunk of untilClosed(body, request)) {
    sent += chunk.length;
    if (announced !== undefined && sent > announced) throw new Error(`it is longer than content-length ${announced}`);
    if (chunk.length > 0 && !request.write(chunk)) await drained(request);
  }
  if (request.destroyed) return;
  if (announced !== undefined && sent < announced) {
    throw new Error(`it ended after ${sent} bytes, content-length is ${announced}`);
  }
  request.end();
}

/** Ends when the request does, without waiting for a body that never says anything again. */
async function* untilClosed(body: AsyncIterable<Buffer>, request: ClientRequest): AsyncGenerator<Buffer, void> {
  const iterator = body[Symbol.asyncIterator]();
  let onClose: () => void = () => undefined;
  const closed = new Promise<undefined>((resolve) => {
    onClose = () => resolve(undefined);
    request.once('close', onClose);
  });
  let finished = false;
  try {
    while (!request.destroyed) {
      const result = await Promise.race([iterator.next(), closed]);
      if (!result) return;
      finished = result.done === true;
      if (finished) return;
      yield result.value;
    }
  } finally {
    request.off('close', onClose);
    // Not awaited: a generator returns only when what it waits for has come.
    if (!finished) iterator.return?.().then(undefined, () => undefined);
  }
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    if (request.destroyed) return resolve();
    const done = () => {
      request.off('drain', done).off('close', done);
      resolve();
    };
    request.once('drain', done).once('close', done);
  });
}
