// The longest any single wait may take. The slowest honest step (256 MiB through a real peer) takes a few seconds,
// so a minute can only mean that something hangs.
export const WAIT_MS = 60_000;

export class DeadlineError extends Error {
  constructor(what, timeoutMs) {
    super(`${what}: nothing within ${timeoutMs} ms`);
    this.name = 'DeadlineError';
  }
}

/** Settles as `promise` does, or rejects with a DeadlineError after `timeoutMs`. */
export async function within(promise, what, timeoutMs = WAIT_MS) {
  let timer;
  const deadline = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(what, timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** A promise with its handles outside. Whoever waits gets the rejection; if nobody waits, it is not a crash. */
export function deferred() {
  const handles = {};
  handles.promise = new Promise((resolve, reject) => {
    handles.resolve = resolve;
    handles.reject = reject;
  });
  // Not swallowed: every awaiter of `promise` still sees it. This only stops Node from ending the run for a
  // connection that broke while nobody was waiting; the next call on that connection reports the same error.
  handles.promise.catch(() => undefined);
  return handles;
}
