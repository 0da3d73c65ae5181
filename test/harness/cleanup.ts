import { onTestFinished } from 'vitest';

/**
 * Runs when the current test has finished, passed or not; the last registered runs first. Everything in the harness that
 * starts something registers its end here, so a test never has to. Only inside a test: hooks have no test to wait for.
 */
export function atEnd(action: () => unknown): void {
  onTestFinished(async () => {
    await action();
  });
}

/** For a test that wants to end things itself, halfway: `end()` runs what was added so far, and only once. */
export function useCleanup(): { add(action: () => unknown): void; end(): Promise<void> } {
  let actions: (() => unknown)[] = [];
  const end = async () => {
    const due = actions.reverse();
    actions = [];
    for (const action of due) await action();
  };
  atEnd(end);
  return { add: (action) => actions.push(action), end };
}
