import type { BatchOptions, FileOperation, FileOperationResult, FileSystem } from '../../files/types.js';
import { invalidRequest, toWireError, WireError } from '../../protocol/errors.js';
import type { WireOperationResult } from '../../protocol/file-methods.js';
import { MAX_ANSWER_JSON_VALUES, MAX_BATCH_OPERATIONS, MAX_MESSAGE_BYTES } from '../../protocol/limits.js';
import { directoryResult, metadataResult } from './file-results.js';

/** What the contents of an answer may take as JSON; the rest of the message is for the short results and the envelope. */
const MAX_CONTENT_BYTES = MAX_MESSAGE_BYTES - 4 * 1024 * 1024;

/** The entries of all directories in an answer: each is an object with three members, a short result less than 16 values. */
const MAX_LISTED_ENTRIES = Math.floor((MAX_ANSWER_JSON_VALUES - 16 * (MAX_BATCH_OPERATIONS + 1)) / 4);

/** What a file may bring while operations behind it are under way too; a larger one is read before any of them is begun. */
const MODEST_FILE_BYTES = 1024 * 1024;

type ReadFile = Extract<FileOperation, { op: 'readFile' }>;

/**
 * One batch, carried out in pieces: what does not fit into the answer fails before anything behind it is begun, and still
 * the file system, which may be far away, is handed as much at once as possible.
 */
export class BatchRun {
  readonly #files: FileSystem;
  readonly #operations: readonly FileOperation[];
  readonly #options: BatchOptions;
  readonly #results: WireOperationResult[] = [];
  #contentBytes = 0;
  #listedEntries = 0;
  /** The next operation is a file that turned out not to be modest. */
  #nextAlone = false;
  #stopped = false;

  constructor(files: FileSystem, operations: readonly FileOperation[], options: BatchOptions) {
    this.#files = files;
    this.#operations = operations;
    this.#options = options;
  }

  async results(): Promise<WireOperationResult[]> {
    while (this.#results.length < this.#operations.length) {
      if (this.#stopped) this.#results.push({ status: 'skipped' });
      else await this.#runPiece();
    }
    return this.#results;
  }

  async #runPiece(): Promise<void> {
    const piece = this.#nextPiece();
    // Stopping is what keeps the operations behind a failure from being done before it has been looked at.
    const results = await this.#files.batch(piece, { ...this.#options, stopOnError: true });
    for (const [i, result] of results.entries()) {
      const operation = piece[i];
      if (!operation || result.status === 'skipped') return;
      if (result.status === 'failed' && this.#mayFitAlone(operation, result.error)) {
        this.#nextAlone = true;
        return;
      }
      this.#nextAlone = false;
      this.#add(this.#onWire(result, operation));
    }
  }

  /** The operations that can be handed over together, files limited to what they may bring. */
  #nextPiece(): FileOperation[] {
    const piece: FileOperation[] = [];
    let room = Math.floor((MAX_CONTENT_BYTES - this.#contentBytes) / 4) * 3;
    for (const operation of this.#operations.slice(this.#results.length)) {
      if (operation.op !== 'readFile') {
        piece.push(operation);
        if (operation.op === 'readDirectory') break; // only its result tells how large that is
        continue;
      }
      if (piece.length > 0 && room < MODEST_FILE_BYTES) break;
      const maxBytes = this.#nextAlone ? room : Math.min(room, MODEST_FILE_BYTES);
      piece.push({ ...operation, maxBytes: Math.min(operation.maxBytes ?? maxBytes, maxBytes) });
      room -= maxBytes;
      if (this.#nextAlone) break;
    }
    return piece;
  }

  /** A file that was refused only because of the limit that it shared with others. */
  #mayFitAlone(granted: FileOperation, error: Error): boolean {
    return !this.#nextAlone && isTooLarge(error) && this.#wasCurtailed(granted);
  }

  #wasCurtailed(granted: FileOperation): boolean {
    const asked = this.#operations[this.#results.length] as ReadFile;
    return granted.op === 'readFile' && granted.maxBytes !== asked.maxBytes;
  }

  #onWire(result: FileOperationResult, granted: FileOperation): WireOperationResult {
    if (result.status === 'skipped') return result;
    if (result.status === 'failed') {
      const full = isTooLarge(result.error) && this.#wasCurtailed(granted);
      return { status: 'failed', error: (full ? answerFull() : toWireError(result.error)).toWire() };
    }
    try {
      return { status: 'ok', value: this.#measured(toValue(result.value)) };
    } catch (error) {
      return { status: 'failed', error: toWireError(error).toWire() };
    }
  }

  /** Counts what a value takes. Throws when there is no room for it. */
  #measured(value: object | undefined): object | undefined {
    if (value === undefined) return undefined;
    const bytes = 'dataBase64' in value ? String(value.dataBase64).length : JSON.stringify(value).length;
    const entries = 'entries' in value ? (value.entries as unknown[]).length : 0;
    if (this.#contentBytes + bytes > MAX_CONTENT_BYTES || this.#listedEntries + entries > MAX_LISTED_ENTRIES) {
      throw answerFull();
    }
    this.#contentBytes += bytes;
    this.#listedEntries += entries;
    return value;
  }

  #add(result: WireOperationResult): void {
    this.#results.push(result);
    this.#stopped = result.status === 'failed' && (this.#options.stopOnError ?? true);
  }
}

function toValue(value: Extract<FileOperationResult, { status: 'ok' }>['value']): object | undefined {
  if (value === undefined) return undefined;
  if (Buffer.isBuffer(value)) return { dataBase64: value.toString('base64') };
  return Array.isArray(value) ? directoryResult(value) : metadataResult(value);
}

function isTooLarge(error: Error): boolean {
  return error instanceof WireError && error.kind === 'too_large';
}

function answerFull(): WireError {
  return invalidRequest(
    'too_large',
    `the answer to this batch is full: it carries ${MAX_CONTENT_BYTES} bytes of base64 and names; ask for this in another batch`,
  );
}
