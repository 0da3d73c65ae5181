import { FrameCursor } from './frame-cursor.js';
import { unmask } from './unmask.js';

/** Turns the frames of a WebSocket client, which are masked, into those of a server, as they come. Holds nothing back. */
export class Unmasker {
  readonly #cursor = new FrameCursor({ masked: true });
  readonly #rotated = Buffer.alloc(4);

  /** The client's close frame has passed; what comes after it is dropped. */
  get closed(): boolean {
    return this.#cursor.closed;
  }

  /** The same frames, unmasked, in the memory of `chunk`: what comes out is never longer than what went in. Throws FrameError. */
  push(chunk: Buffer): Buffer {
    const cursor = this.#cursor;
    let from = 0;
    let to = 0;
    while (from < chunk.length && !cursor.closed) {
      if (cursor.payloadLeft === 0) {
        const kept = cursor.takeHeader(chunk[from++] ?? 0);
        if (kept !== undefined) chunk[to++] = kept;
        continue;
      }
      const part = chunk.subarray(from, from + cursor.payloadLeft);
      unmask(part, this.#maskFrom(cursor.payloadPassed));
      if (to !== from) chunk.copyWithin(to, from, from + part.length);
      from += part.length;
      to += part.length;
      cursor.passPayload(part.length);
    }
    return chunk.subarray(0, to);
  }

  /** The mask, beginning at the byte that is for the payload's byte at `offset`. */
  #maskFrom(offset: number): Buffer {
    const { mask } = this.#cursor;
    if ((offset & 3) === 0) return mask;
    for (let i = 0; i < 4; i++) this.#rotated[i] = mask[(offset + i) & 3] ?? 0;
    return this.#rotated;
  }
}
