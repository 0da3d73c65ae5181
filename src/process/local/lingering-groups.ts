import { relativesOf, sendSignal, sendSignalTo } from './process-tree.js';

/**
 * The groups of leaders that have ended and been reaped while members live on, as daemons do. Nobody gets the number of
 * a group while it has members: who has it as a pid now is a stranger, and the group is not ours any more.
 */
export class LingeringGroups {
  readonly #leaders = new Set<number>();
  readonly #onGone: (leader: number) => void;

  /** `onGone`: nothing is left of this leader's group, so far as it was ours. */
  constructor(onGone: (leader: number) => void) {
    this.#onGone = onGone;
  }

  /** `leader` has ended. Also forgets the groups that have gone since. */
  add(leader: number): void {
    this.#leaders.add(leader);
    this.#forgetGone();
  }

  /** A new child has this pid. */
  replace(leader: number): void {
    if (this.#leaders.delete(leader)) this.#onGone(leader);
  }

  /** Ends what is left of them, sessions and descendants included. */
  kill(): void {
    this.#forgetGone();
    for (const leader of this.#leaders) {
      sendSignal(-leader, 'SIGKILL');
      sendSignalTo(relativesOf(leader, { bySession: true }), 'SIGKILL');
    }
    this.#leaders.clear();
  }

  #forgetGone(): void {
    for (const leader of this.#leaders) {
      if (sendSignal(-leader, 0) && !sendSignal(leader, 0)) continue;
      this.#leaders.delete(leader);
      this.#onGone(leader);
    }
  }
}
