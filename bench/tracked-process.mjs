import { DeadlineError, deferred, WAIT_MS, within } from './deadline.mjs';
import { InvalidResult, mustEqual } from './invalid-result.mjs';

const PADDING = '='.charCodeAt(0);

/**
 * What the notifications say about one process. The real peers deliver them out of seq order (exited or closed early
 * or late), so a process is complete when `closed` is here AND every seq from 1 up to the one of `closed`.
 */
export class TrackedProcess {
  #complete = deferred();
  #seqs = new Set();
  #closedSeq = null;
  #highestSeq = 0;

  constructor(processId, { onOutput, timeoutMs = WAIT_MS }) {
    this.processId = processId;
    this.onOutput = onOutput;
    this.timeoutMs = timeoutMs;
    this.bytes = 0;
    this.exitCode = null;
    this.sentAt = 0;
    this.closedAt = 0;
    this.completeAt = 0;
    this.isComplete = false;
    this.answer = null;
  }

  /** `base64` is a view of the received frame: whoever keeps it keeps the frame. */
  output(seq, base64) {
    const { length } = base64;
    if (length % 4 !== 0) this.fail(new InvalidResult(`${this.processId}: chunk of seq ${seq} is not padded base64`));
    let padding = 0;
    if (length > 0 && base64[length - 1] === PADDING) padding = base64[length - 2] === PADDING ? 2 : 1;
    this.bytes += (length / 4) * 3 - padding;
    this.onOutput?.(seq, base64);
    this.#arrived(seq);
  }

  exited(seq, exitCode) {
    this.exitCode = exitCode;
    this.#arrived(seq);
  }

  closed(seq) {
    this.closedAt = performance.now();
    this.#closedSeq = seq;
    this.#arrived(seq);
  }

  fail(error) {
    this.#complete.reject(error);
  }

  /** Waits for the answer to process/start and for the last seq; checks the exit code and the number of bytes. */
  async finished({ bytes, exitCode = 0 }) {
    await this.answer;
    await this.whenComplete();
    mustEqual(`${this.processId} exit code`, this.exitCode, exitCode);
    mustEqual(`${this.processId} output bytes`, this.bytes, bytes);
  }

  async whenComplete() {
    try {
      await within(this.#complete.promise, `process/closed of ${this.processId}`, this.timeoutMs);
    } catch (error) {
      if (error instanceof DeadlineError && this.#closedSeq !== null) {
        const text = `${this.processId} closed at seq ${this.#closedSeq}, but only ${this.#seqs.size} seqs arrived`;
        throw new InvalidResult(text);
      }
      if (error instanceof DeadlineError) error.message += ` (${this.bytes} bytes had arrived)`;
      throw error;
    }
  }

  #arrived(seq) {
    if (!Number.isSafeInteger(seq) || seq < 1 || this.#seqs.has(seq)) {
      this.fail(new InvalidResult(`${this.processId}: seq ${seq} is not a positive integer or came twice`));
      return;
    }
    this.#seqs.add(seq);
    if (seq > this.#highestSeq) this.#highestSeq = seq;
    if (this.#closedSeq === null) return;
    if (this.#highestSeq > this.#closedSeq) {
      const text = `${this.processId}: seq ${this.#highestSeq} lies behind closed (${this.#closedSeq})`;
      this.fail(new InvalidResult(text));
      return;
    }
    // Distinct, at least 1 and at most closedSeq: so many of them can only be all of them.
    if (this.#seqs.size !== this.#closedSeq) return;
    this.completeAt = performance.now();
    this.isComplete = true;
    this.#seqs.clear();
    this.#complete.resolve();
  }
}
