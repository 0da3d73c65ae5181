/** What the first process in the sandbox says, as init.c writes it. */
export type InitReport =
  | { type: 'started' }
  /** The program could not be started, for this reason. */
  | { type: 'failed'; step: 'cwd' | 'terminal' | 'exec'; errno: number }
  /** A `wait` status word. */
  | { type: 'ended'; status: number };

const RECORD_BYTES = 8;

/** More than bubblewrap has to say. */
const MAX_TEXT_BYTES = 8192;

/** Takes the reports apart: text of bubblewrap, then records of init.c, each of which begins with a NUL. */
export class InitReports {
  #bytes = Buffer.alloc(0);
  #text = '';

  /** What bubblewrap had to say. */
  get text(): string {
    return this.#text.trim();
  }

  /** The reports that `chunk` completes, in order. */
  add(chunk: Buffer): InitReport[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const reports: InitReport[] = [];
    for (;;) {
      const textBytes = this.#bytes.indexOf(0);
      const end = textBytes < 0 ? this.#bytes.length : textBytes;
      if (this.#text.length < MAX_TEXT_BYTES) this.#text += this.#bytes.toString('utf8', 0, end);
      this.#bytes = this.#bytes.subarray(end);
      if (this.#bytes.length < RECORD_BYTES) return reports;
      const report = decode(this.#bytes);
      if (report) reports.push(report);
      this.#bytes = this.#bytes.subarray(RECORD_BYTES);
    }
  }
}

function decode(record: Buffer): InitReport | undefined {
  const value = record.readInt32LE(4);
  switch (record.toString('latin1', 1, 2)) {
    case 's':
      return { type: 'started' };
    case 'd':
      return { type: 'failed', step: 'cwd', errno: value };
    case 't':
      return { type: 'failed', step: 'terminal', errno: value };
    case 'f':
      return { type: 'failed', step: 'exec', errno: value };
    case 'x':
      return { type: 'ended', status: value };
    default:
      return undefined; // no other letter is ever written
  }
}
