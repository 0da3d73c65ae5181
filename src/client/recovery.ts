import { WireError } from '../protocol/errors.js';
import { ConnectionClosedError } from '../rpc/errors.js';
import { DialError } from '../transport/dial-error.js';
import { pauseMsAfter, sleep } from './backoff.js';
import { type ClientEndError, isSessionAttached, isUnknownSession, SessionLostError } from './errors.js';

export interface RecoveryOptions<C> {
  deadlineMs: number;
  /** Aborted when the client is closed meanwhile. */
  signal: AbortSignal;
  /** Why the connection ended that is to be replaced. */
  lostBecause: string;
  onAttempt(): void;
  /** One attempt: dials, resumes the session, catches up. `remainingMs`: what is left of the deadline. */
  attempt(limits: { signal: AbortSignal; remainingMs: number }): Promise<C>;
}

/**
 * Tries to come back to the session until it works, cannot work, or the deadline has passed. Rejects with the error that
 * the client ends with, or the signal's reason.
 */
export async function recover<C>(options: RecoveryOptions<C>): Promise<C> {
  const { deadlineMs, signal, lostBecause } = options;
  const deadline = performance.now() + deadlineMs;
  // The deadline also ends an attempt that is under way.
  const due = new AbortController();
  const timer = setTimeout(() => due.abort(new Error('the recovery deadline has passed')), deadlineMs);
  let last: unknown;
  try {
    for (let failed = 0; ; failed++) {
      const remainingMs = deadline - performance.now();
      const pauseMs = failed === 0 ? 0 : pauseMsAfter(failed, last);
      if (pauseMs >= remainingMs) {
        throw new ConnectionClosedError(
          `${lostBecause}; it could not be re-established within ${deadlineMs / 1000} s (${failed} attempts, the last: ${messageOf(last)})`,
          false,
          { cause: last },
        );
      }
      await sleep(pauseMs, signal);
      options.onAttempt();
      try {
        return await options.attempt({ signal: AbortSignal.any([signal, due.signal]), remainingMs });
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const end = finalEnd(error, lostBecause);
        if (end) throw end;
        // What stood in the way tells more than that the time was up in the middle of an attempt.
        if (last === undefined || !due.signal.aborted) last = error;
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The end that an error means for the client; undefined when another attempt may succeed. */
function finalEnd(error: unknown, lostBecause: string): ClientEndError | undefined {
  if (error instanceof SessionLostError) return error;
  if (isUnknownSession(error)) {
    return new SessionLostError(`${lostBecause}; then the server answered: ${error.message}`, false, { cause: error });
  }
  // 0.129 answers with a plain -32600 while it has not noticed the end of the old connection; newer ones with -32010.
  if (isSessionAttached(error) || (error instanceof WireError && error.data.retryable === true)) return undefined;
  const refused = error instanceof WireError || (error instanceof DialError && !error.retryable);
  if (!refused) return undefined;
  return new ConnectionClosedError(`${lostBecause}; coming back was refused: ${error.message}`, false, {
    cause: error,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
