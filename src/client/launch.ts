import { WireError } from '../protocol/errors.js';
import type { ParamsInput, ResultOf } from '../protocol/methods.js';
import { ConnectionClosedError, RpcTimeoutError } from '../rpc/errors.js';
import type { CallOptions } from '../rpc/peer.js';
import { sleep } from './backoff.js';
import { asSent, isProcessExists, isUnknownProcess, SessionLostError } from './errors.js';
import { STILL_STARTING_MS, STILL_STARTING_POLL_MS } from './limits.js';
import type { LinkCallOptions } from './outgoing-call.js';
import type { ProcessFeed } from './process-feed.js';
import type { SessionLink } from './session-link.js';

/**
 * Sends `process/start` until its outcome is known. A cut in the middle is settled by asking for the process: known, it
 * has started; unknown, it is started again, which cannot make two of it because the id is the same.
 * Resolves to the `sandboxType` of the answer; null when there was none.
 */
export async function launch(
  link: SessionLink,
  feed: ProcessFeed,
  params: ParamsInput<'process/start'>,
  options: CallOptions,
): Promise<string | null> {
  options.signal?.throwIfAborted();
  let sent = false;
  const onSent = () => {
    sent = true;
  };
  try {
    for (let isRetry = false; ; isRetry = true) {
      const answer = await started(link, params, { ...options, onSent }, isRetry);
      if (!answer && !(await isThere(link, feed, options))) continue;
      feed.confirm();
      return answer?.sandboxType ?? null;
    }
  } catch (error) {
    const givenUp = options.signal?.aborted || error instanceof RpcTimeoutError;
    if (givenUp && sent) terminateInBackground(link, feed.processId);
    throw error;
  }
}

/** Rejects when it was refused or given up; undefined when nobody knows. */
async function started(
  link: SessionLink,
  params: ParamsInput<'process/start'>,
  options: LinkCallOptions,
  isRetry: boolean,
): Promise<ResultOf<'process/start'> | undefined> {
  try {
    return await link.call('process/start', params, options);
  } catch (error) {
    // The server got to the first request after we had asked about it.
    if (isRetry && isProcessExists(error)) return undefined;
    if (error instanceof ConnectionClosedError && error.mayHaveExecuted) return undefined;
    throw error;
  }
}

/**
 * Asks for the process, and takes what it has done so far. Waits for the connection to come back.
 * 0.169 drops a start half-way when its connection is cut, and then calls the process `starting` for ever.
 */
async function isThere(link: SessionLink, feed: ProcessFeed, options: CallOptions): Promise<boolean> {
  const { processId } = feed;
  const deadline = performance.now() + STILL_STARTING_MS;
  for (;;) {
    try {
      await feed.catchUp((read) => link.call('process/read', read, options));
      return true;
    } catch (error) {
      if (isUnknownProcess(error)) return false;
      if (error instanceof ConnectionClosedError || error instanceof SessionLostError) throw asSent(error);
      if (!isStillStarting(error)) throw error;
      if (performance.now() > deadline) {
        terminateInBackground(link, processId);
        throw new ConnectionClosedError(
          `it was cut while process ${processId} was being started, and the server is still at it ${STILL_STARTING_MS / 1000} s later: start it by another id`,
          true,
          { cause: error },
        );
      }
      await sleep(STILL_STARTING_POLL_MS, options.signal ?? new AbortController().signal);
    }
  }
}

function isStillStarting(error: unknown): boolean {
  return error instanceof WireError && /^process id .* is starting$/.test(error.message);
}

/** A process that its user has given up must not run on unknown to all. */
function terminateInBackground(link: SessionLink, processId: string): void {
  link.call('process/terminate', { processId }, { cleanup: true }).catch(() => {
    // The user has been told that the start may have happened; the end of the session ends it as well.
  });
}
