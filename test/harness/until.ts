import type { EventEmitter } from 'node:events';

const POLL_MS = 5;

/** Polls for a condition that no event announces, such as a descriptor that has gone. Rejects at the deadline. */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 5_000, what = 'the condition' }: { timeoutMs?: number; what?: string } = {},
): Promise<Exclude<T, false | undefined | null>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value as Exclude<T, false | undefined | null>;
    if (performance.now() >= deadline) throw new Error(`${what} did not come true within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The promise, or a rejection at the deadline that says what was waited for. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** The arguments of `close`. Unlike `once`, does not reject on an `error` before it. */
export function whenClosed(emitter: EventEmitter): Promise<unknown[]> {
  return new Promise((resolve) => {
    emitter.once('close', (...args) => resolve(args));
  });
}

/** Resolves with a count once it has not moved for half a second: there is no event for nothing happening. */
export async function standsStill(count: () => number): Promise<number> {
  let last = { value: -1, since: 0 };
  await until(
    () => {
      const now = performance.now();
      if (count() !== last.value) last = { value: count(), since: now };
      return last.value > 0 && now - last.since > 500;
    },
    { timeoutMs: 30_000, what: 'a standstill' },
  );
  return last.value;
}
