import { UnifiedExecManager, type UnifiedExecManagerOptions } from '../../src/unified-exec/index.js';
import { openPlace, type Place } from '../behaviour/places.js';
import { atEnd, scratchDirectory, until } from '../harness/index.js';

/** Yields when the process has ended, or it takes far too long. */
export const LONG = 30_000;

/**
 * A manager of its own for a test, closed before its environment. Login shells get a home of their own: killed in the
 * middle of somebody's profile they may leave a lock behind (pyenv's does) at which every later one waits.
 */
export function openManager(
  place: Place,
  { env, ...options }: Partial<UnifiedExecManagerOptions> = {},
): UnifiedExecManager {
  const environments = openPlace(place);
  const manager = new UnifiedExecManager({ environments, env: { HOME: scratchDirectory(), ...env }, ...options });
  atEnd(() => manager.close());
  return manager;
}

/** Types, and polls until the output so far satisfies `isThere`: how much one call brings depends on the machine. */
export async function converse(
  manager: UnifiedExecManager,
  sessionId: number,
  chars: string,
  isThere: (output: string) => boolean,
): Promise<string> {
  let output = (await manager.writeStdin({ sessionId, chars })).output;
  await until(
    async () => {
      if (isThere(output)) return true;
      // Typing nothing would wait 5 s: a resize or a key that changes nothing is not to be had everywhere.
      output += (await manager.writeStdin({ sessionId, chars: '' })).output;
      return isThere(output);
    },
    { timeoutMs: 15_000, what: `an answer to ${JSON.stringify(chars)}, so far ${JSON.stringify(output)}` },
  );
  return output;
}

export function running(sessionId: number | null): number {
  if (sessionId === null) throw new Error('expected a process that runs');
  return sessionId;
}
