import { DialError } from '../transport/dial-error.js';
import { BACKOFF_BASE_MS, BACKOFF_CAP_MS, RETRY_AFTER_CAP_MS } from './limits.js';

/**
 * What to wait after the given number of failed attempts: a random part of a doubling span ("full jitter"), so that many
 * clients of one server do not come back in step.
 */
export function backoffMs(failedAttempts: number, random: () => number = Math.random): number {
  return random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(failedAttempts - 1, 16));
}

/** The same, after what the one that refused the latest attempt asked us to wait. */
export function pauseMsAfter(failedAttempts: number, error: unknown): number {
  const askedMs = error instanceof DialError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(askedMs, RETRY_AFTER_CAP_MS) + backoffMs(failedAttempts);
}

/** Resolves after this long; rejects with the signal's reason when it aborts first. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
