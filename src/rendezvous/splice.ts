import type { Duplex } from 'node:stream';
import { CLOSE_TIMEOUT_MS } from '../transport/limits.js';

export interface SpliceEnd {
  /** Bytes of frames that `a` has sent, and `b`. */
  bytesFromA: number;
  bytesFromB: number;
}

/**
 * Joins two ends: what one sends, the other gets, as fast as it takes it. One that ends ends the other after everything has
 * been handed over; one that is destroyed destroys the other. Resolves when both are gone.
 */
export async function splice(a: Duplex, b: Duplex): Promise<SpliceEnd> {
  const gone = [whenGone(a), whenGone(b)];
  const counts = { a: 0, b: 0 };
  a.on('data', (chunk: Buffer) => {
    counts.a += chunk.length;
  });
  b.on('data', (chunk: Buffer) => {
    counts.b += chunk.length;
  });
  a.pipe(b);
  b.pipe(a);
  a.once('close', () => leave(a, b));
  b.once('close', () => leave(b, a));
  if (a.closed) leave(a, b);
  if (b.closed) leave(b, a);
  await Promise.all(gone);
  return { bytesFromA: counts.a, bytesFromB: counts.b };
}

/** `gone` is no more. What the other still says has nobody to go to; what it was sent before is to reach it. */
function leave(gone: Duplex, other: Duplex): void {
  if (!gone.readableEnded) {
    other.destroy();
    return;
  }
  other.resume();
  setTimeout(() => other.destroy(), 2 * CLOSE_TIMEOUT_MS).unref();
}

function whenGone(end: Duplex): Promise<void> {
  end.on('error', () => undefined); // `close` follows
  return end.closed ? Promise.resolve() : new Promise((resolve) => end.once('close', resolve));
}
