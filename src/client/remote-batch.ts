import type { FileOperation, FileOperationResult } from '../files/types.js';
import { decodeBase64 } from '../protocol/base64.js';
import { internalError, WireError } from '../protocol/errors.js';
import {
  getMetadataResult,
  readDirectoryResult,
  readFileResult,
  type WireOperationResult,
} from '../protocol/file-methods.js';
import type { ParamsInput, ResultOf } from '../protocol/methods.js';

type WireOperation = ParamsInput<'fs/batch'>['operations'][number];

export function toWireOperation(operation: FileOperation): WireOperation {
  switch (operation.op) {
    case 'writeFile': {
      const { data, ...rest } = operation;
      return { ...rest, dataBase64: data.toString('base64') };
    }
    case 'copy':
    case 'rename': {
      const { source, destination, ...rest } = operation;
      return { ...rest, sourcePath: source, destinationPath: destination };
    }
    default:
      return operation;
  }
}

/** Throws a WireError for an answer that does not fit the question. */
export function fromWireResults(
  operations: readonly FileOperation[],
  results: readonly WireOperationResult[],
): FileOperationResult[] {
  if (results.length !== operations.length) {
    throw badAnswer(`${results.length} results for ${operations.length} operations`);
  }
  return operations.map((operation, i) => fromWireResult(operation, results[i] as WireOperationResult));
}

function fromWireResult({ op }: FileOperation, result: WireOperationResult): FileOperationResult {
  switch (result.status) {
    case 'ok':
      return { status: 'ok', value: fromWireValue(op, result.value) };
    case 'failed':
      return { status: 'failed', error: WireError.fromWire(result.error) };
    case 'skipped':
      return { status: 'skipped' };
    default:
      return result satisfies never;
  }
}

function fromWireValue(op: FileOperation['op'], value: unknown) {
  try {
    if (op === 'readFile') return toBytes(readFileResult.parse(value));
    if (op === 'getMetadata') return toMetadata(getMetadataResult.parse(value));
    if (op === 'readDirectory') return toEntries(readDirectoryResult.parse(value));
    return undefined;
  } catch (error) {
    throw error instanceof WireError ? error : badAnswer(`a value of ${op} that does not fit the protocol`, error);
  }
}

export function toBytes({ dataBase64 }: ResultOf<'fs/readFile'>): Buffer {
  return decodeBase64(dataBase64, (reason) => badAnswer(`bad base64: ${reason}`));
}

export function toMetadata({ isDirectory, isFile, isSymlink, size, ...times }: ResultOf<'fs/getMetadata'>) {
  const { createdAtMs, modifiedAtMs } = times;
  return { isDirectory, isFile, isSymlink, size: size ?? null, createdAtMs, modifiedAtMs };
}

export function toEntries({ entries }: ResultOf<'fs/readDirectory'>) {
  return entries.map(({ fileName, isDirectory, isFile }) => ({ fileName, isDirectory, isFile }));
}

function badAnswer(what: string, cause?: unknown): WireError {
  const error = internalError('internal', `the server answered with ${what}`, { mayHaveExecuted: true });
  error.cause = cause;
  return error;
}
