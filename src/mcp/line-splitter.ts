const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Cuts bytes into lines and decodes each as a whole, so that a character may be split across chunks.
 * `onTooLong` is called with what there is of a line of more than `maxBytes`; it throws, or takes that as a line.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #onTooLong: (start: string) => string;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number, onTooLong: (start: string) => string) {
    this.#maxBytes = maxBytes;
    this.#onTooLong = onTooLong;
  }

  /** The lines that this chunk completes, without their ends. */
  *push(chunk: Buffer): Generator<string> {
    let from = 0;
    while (from < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, from);
      const to = newline < 0 ? chunk.length : newline;
      const room = this.#maxBytes - this.#bytes;
      if (to - from > room) {
        this.#add(chunk.subarray(from, from + room));
        from += room;
        yield this.#onTooLong(this.#take());
        continue;
      }
      this.#add(chunk.subarray(from, to));
      from = to + 1;
      if (newline >= 0) yield this.#take();
    }
  }

  /** What came after the last end of a line, if anything. */
  rest(): string | undefined {
    return this.#bytes === 0 ? undefined : this.#take();
  }

  #add(piece: Buffer): void {
    if (piece.length > 0) this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  #take(): string {
    const line = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    if (!line) return '';
    return line.toString('utf8', 0, line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length);
  }
}
