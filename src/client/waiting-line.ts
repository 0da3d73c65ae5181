/** Something that waits its turn. */
export interface Waiting {
  /** Its place in the order in which calls were made. */
  readonly ticket: number;
}

/**
 * Calls that wait for a connection, in the order in which they were made: one that was cut off and has to be sent again
 * comes before those that were made later, so writes to one process never overtake each other.
 */
export class WaitingLine<T extends Waiting> {
  #line: T[] = [];

  get size(): number {
    return this.#line.length;
  }

  add(item: T): void {
    let at = this.#line.length;
    while (at > 0 && (this.#line[at - 1]?.ticket ?? 0) > item.ticket) at--;
    this.#line.splice(at, 0, item);
  }

  remove(item: T): void {
    const at = this.#line.indexOf(item);
    if (at >= 0) this.#line.splice(at, 1);
  }

  /** Empties the line, from its head. */
  takeAll(): T[] {
    const all = this.#line;
    this.#line = [];
    return all;
  }
}
