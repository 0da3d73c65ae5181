import type { TcpStream } from './types.js';

/**
 * Makes one connection of two: what comes from each goes to the other at the other's pace, an end (FIN) as an end, a
 * reset or any other trouble as a reset, with the reason.
 */
export function join(one: TcpStream, other: TcpStream): void {
  pass(one, other);
  pass(other, one);
}

function pass(from: TcpStream, to: TcpStream): void {
  let reason: Error | undefined;
  from.on('error', (error) => {
    reason = error;
  });
  from.once('close', () => {
    const whole = from.readableEnded && from.writableFinished;
    if (!whole) to.resetAndDestroy(reason);
  });
  // One that was closed before it got here tells nobody any more.
  if (from.destroyed) to.resetAndDestroy(from.errored ?? undefined);
  else from.pipe(to);
}
