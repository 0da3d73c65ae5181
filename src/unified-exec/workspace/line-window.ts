export interface LineWindowOptions {
  /** Counted from 1. */
  first: number;
  maxLines: number;
  /** Of all lines together; one line is kept all the same. */
  maxCharacters: number;
  maxLineCharacters: number;
}

/** Keeps some of the lines of a text that comes in pieces, and of no line more than is to be shown. */
export class LineWindow {
  readonly shown: { number: number; text: string }[] = [];
  /** Lines that have begun. */
  count = 0;
  readonly #options: LineWindowOptions;
  #characters = 0;
  /** The beginning of the line that has not ended. */
  #line = '';
  #lineLength = 0;
  #inLine = false;
  #next: number | undefined;

  constructor(options: LineWindowOptions) {
    this.#options = options;
  }

  /** Nothing more is needed: there is a line behind those that are kept. */
  get isFull(): boolean {
    return this.#next !== undefined;
  }

  /** The first line behind those that are kept; undefined where there is none, or none is known yet. */
  get next(): number | undefined {
    return this.#next;
  }

  push(text: string): void {
    for (let at = 0; at < text.length && !this.isFull; ) {
      const feed = text.indexOf('\n', at);
      const end = feed < 0 ? text.length : feed;
      this.#append(text, at, end);
      if (feed >= 0 && !this.isFull) this.#endLine();
      at = end + 1;
    }
  }

  /** The text is over. */
  end(): void {
    if (this.#inLine && !this.isFull) this.#endLine();
  }

  #append(text: string, start: number, end: number): void {
    if (!this.#inLine) {
      this.#inLine = true;
      this.count++;
      if (this.count >= this.#options.first && this.#isEnough()) {
        this.#next = this.count;
        return;
      }
    }
    const room = this.#options.maxLineCharacters - this.#line.length;
    if (room > 0 && this.count >= this.#options.first) this.#line += text.slice(start, Math.min(end, start + room));
    this.#lineLength += end - start;
  }

  #isEnough(): boolean {
    return this.shown.length >= this.#options.maxLines || this.#characters >= this.#options.maxCharacters;
  }

  #endLine(): void {
    if (this.count >= this.#options.first) {
      const cut = this.#lineLength - this.#line.length;
      // Half of a character may be left of the last one.
      const whole = cut > 0 ? this.#line.replace(/[\ud800-\udbff]$/, '') : this.#line.replace(/\r$/, '');
      const text = cut > 0 ? `${whole}[… ${this.#lineLength - whole.length} more characters]` : whole;
      this.shown.push({ number: this.count, text });
      this.#characters += text.length;
    }
    this.#line = '';
    this.#lineLength = 0;
    this.#inLine = false;
  }
}
