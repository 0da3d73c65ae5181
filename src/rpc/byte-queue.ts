/** Pieces up to here that have to wait are put together. */
const SMALL_PIECE_BYTES = 4 * 1024;

/** What they are put together in: then many tiny pieces cost little more than their bytes. */
const SLAB_BYTES = 16 * 1024;

interface Piece {
  buffer: Buffer;
  used: number;
}

/** Pieces of a stream of bytes that wait for their reader. */
export class ByteQueue {
  #pieces: Piece[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const last = this.#pieces.at(-1);
    if (!last || chunk.length > SMALL_PIECE_BYTES) {
      this.#pieces.push({ buffer: chunk, used: chunk.length });
    } else if (last.buffer.length - last.used >= chunk.length) {
      last.used += chunk.copy(last.buffer, last.used);
    } else {
      const slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#pieces.push({ buffer: slab, used: chunk.copy(slab) });
    }
  }

  take(): Buffer | undefined {
    const piece = this.#pieces.shift();
    if (!piece) return undefined;
    this.#bytes -= piece.used;
    return piece.buffer.subarray(0, piece.used);
  }

  clear(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }
}
