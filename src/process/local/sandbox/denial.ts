import { constants } from 'node:os';
import { DENIAL_TAIL_BYTES } from './limits.js';

/** Words that programs use when a sandbox stops them; those of the real peers. */
const SIGNS = [
  'operation not permitted',
  'permission denied',
  'read-only file system',
  'seccomp',
  'sandbox',
  'landlock',
  'failed to write file',
];

/** A program that writes byte by byte must not cost a buffer for each. */
const MAX_CHUNKS = 1024;

/**
 * Guesses whether a sandboxed program failed because of its sandbox, from its exit code and the end of its output. The
 * rule is that of the real peers, so that their clients offer the same remedies.
 */
export class DenialGuess {
  #tail: Buffer[] = [];
  #bytes = 0;

  addOutput(chunk: Buffer): void {
    this.#tail.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < 2 * DENIAL_TAIL_BYTES && this.#tail.length < MAX_CHUNKS) return;
    // A copy, so that no longer chunk is kept alive by its end.
    const tail = Buffer.from(Buffer.concat(this.#tail).subarray(-DENIAL_TAIL_BYTES));
    this.#tail = [tail];
    this.#bytes = tail.length;
  }

  looksDenied(exitCode: number): boolean {
    if (exitCode === 0) return false;
    const text = Buffer.concat(this.#tail).subarray(-DENIAL_TAIL_BYTES).toString('latin1').toLowerCase();
    return SIGNS.some((sign) => text.includes(sign)) || exitCode === 128 + constants.signals.SIGSYS;
  }
}
