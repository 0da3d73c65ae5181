import { InputError, NoStdinError } from './errors.js';
import { MIN_YIELD_TIME_MS } from './limits.js';
import type { Session } from './session.js';

const CTRL_C = '\u0003';

/**
 * Types into the process of a session; Ctrl-C interrupts one without a terminal. False: it has not taken all of it by
 * `deadline` (`performance.now()`), and will get the rest when it reads. Rejects with NoStdinError, InputError, or the reason
 * of `signal`.
 */
export async function typeInto(
  session: Session,
  chars: string,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { process } = session;
  if (!process.tty && chars !== CTRL_C) throw new NoStdinError();
  if (process.state.hasExited || process.ended) return true; // which the result says
  let pending = true;
  const typing = type(session, chars).catch(async (error: unknown) => {
    // Perhaps it has ended in the meantime: then that is what to tell, as soon as it is known.
    await process.settle(Math.min(deadline, performance.now() + MIN_YIELD_TIME_MS));
    if (!process.state.hasExited && !process.ended) throw new InputError(session.id, error);
  });
  typing.then(
    () => {
      pending = false;
    },
    () => undefined, // told below, unless the deadline has passed, and then that it is not known to be read
  );
  await Promise.race([typing, process.settle(deadline, signal)]);
  return !pending;
}

/** Rejects unless the process takes it. */
async function type({ process: { process, tty } }: Session, chars: string): Promise<void> {
  if (!tty) return process.signal('interrupt');
  const status = await process.write(Buffer.from(chars));
  if (status !== 'accepted') throw new Error(`expected the input to be accepted, the answer was ${status}`);
}
