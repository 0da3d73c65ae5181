/** Output that was taken out of a buffer. */
export interface Collected {
  /** What came first. */
  head: Buffer;
  /** What came last, after what was dropped. */
  tail: Buffer;
  /** How many bytes were dropped between them. */
  omittedBytes: number;
}

/** Keeps the beginning and the end of a stream of bytes, each up to half of `maxBytes`, and counts what it drops between. */
export class HeadTailBuffer {
  readonly #headMaxBytes: number;
  readonly #tailMaxBytes: number;
  #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  /** The first chunk of the tail that is still kept; those before it are cut off now and then, not one by one. */
  #tailStart = 0;
  #tailBytes = 0;
  #omittedBytes = 0;

  constructor(maxBytes: number) {
    this.#headMaxBytes = Math.floor(maxBytes / 2);
    this.#tailMaxBytes = maxBytes - this.#headMaxBytes;
  }

  append(chunk: Buffer): void {
    const forHead = chunk.subarray(0, this.#headMaxBytes - this.#headBytes);
    if (forHead.length > 0) {
      this.#head.push(forHead);
      this.#headBytes += forHead.length;
    }
    const forTail = chunk.subarray(forHead.length);
    if (forTail.length === 0) return;
    this.#tail.push(forTail);
    this.#tailBytes += forTail.length;
    this.#trimTail();
  }

  /** Empties it. */
  take(): Collected {
    const collected = {
      head: Buffer.concat(this.#head),
      tail: Buffer.concat(this.#tail.slice(this.#tailStart)),
      omittedBytes: this.#omittedBytes,
    };
    this.#head = [];
    this.#headBytes = 0;
    this.#tail = [];
    this.#tailStart = 0;
    this.#tailBytes = 0;
    this.#omittedBytes = 0;
    return collected;
  }

  #trimTail(): void {
    let excess = this.#tailBytes - this.#tailMaxBytes;
    if (excess <= 0) return;
    this.#tailBytes -= excess;
    this.#omittedBytes += excess;
    while (excess > 0) {
      const oldest = this.#tail[this.#tailStart];
      if (!oldest) return;
      if (oldest.length > excess) this.#tail[this.#tailStart] = oldest.subarray(excess);
      else this.#tailStart++;
      excess -= Math.min(excess, oldest.length);
    }
    // Small chunks pin what they were cut from, and many of them take more than their bytes.
    if (this.#tailStart > this.#tail.length / 2) {
      this.#tail = this.#tail.slice(this.#tailStart);
      this.#tailStart = 0;
    }
  }
}
