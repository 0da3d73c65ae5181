import type { UnifiedExecProcess } from './unified-exec-process.js';
import { unlessAborted } from './unless-aborted.js';

/** A process that an agent can come back to. */
export interface Session {
  readonly id: number;
  readonly environmentId: string;
  /** The command as the model gave it. */
  readonly command: string;
  readonly process: UnifiedExecProcess;
  /** Counts calls of the manager: the greater, the later it was used. */
  lastUsed: number;
  /** Calls that are at it, or wait for their turn. */
  users: number;
  /** Resolves when the last call that was made on it is done. */
  turn: Promise<void>;
}

/** Which one to end when there are too many: exited ones first, then the least recently used; never one in use. */
export function chooseToEnd(sessions: Iterable<Session>, protectedCount: number): Session | undefined {
  const byUse = [...sessions].sort((a, b) => b.lastUsed - a.lastUsed);
  const candidates = byUse
    .slice(protectedCount)
    .filter(({ users }) => users === 0)
    .reverse();
  return candidates.find(({ process }) => process.state.hasExited || process.ended) ?? candidates[0];
}

/** Runs `work` when those before it on the same session are done. An `abort` before its turn takes it out of the line. */
export async function inTurn<T>(session: Session, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const before = session.turn;
  let done: () => void = () => undefined;
  session.turn = new Promise((resolve) => {
    done = () => resolve(before);
  });
  session.users++;
  try {
    await unlessAborted(before, signal);
    return await work();
  } finally {
    session.users--;
    done();
  }
}
