/**
 * How much a sender may send before the receiver has made room for more. Keeps the memory of both sides bounded without
 * holding up anything else on the same connection.
 */
export class Credit {
  #bytes: number;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** What may be sent now. */
  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > 0) this.#wake();
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Nobody waits any more. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Resolves when something may be sent, or credit has ended. For one sender. */
  async available(): Promise<void> {
    while (this.#bytes <= 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
