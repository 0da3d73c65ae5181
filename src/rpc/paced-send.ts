import type { Channel } from './channel.js';
import type { Credit } from './credit.js';

export interface PacedSending {
  channel: Channel;
  credit: Credit;
  /** Largest piece. */
  maxBytes: number;
  /** Nobody wants the rest. */
  stopped(): boolean;
  /** The ASCII message for a piece. */
  frame(piece: Buffer): string;
}

/** Sends bytes in pieces, as far as credit goes and no faster than the channel takes them. */
export async function sendPaced(
  bytes: Buffer,
  { channel, credit, maxBytes, stopped, frame }: PacedSending,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    if (credit.bytes <= 0) await credit.available();
    // Whoever was woken before us may have filled it again.
    for (let full = channel.drained(); full; full = channel.drained()) await full;
    if (stopped()) return;
    const piece = bytes.subarray(at, at + Math.min(maxBytes, credit.bytes));
    channel.send(frame(piece), 'latin1');
    credit.spend(piece.length);
    at += piece.length;
  }
}
