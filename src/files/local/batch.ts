import { toWireError } from '../../protocol/errors.js';
import type { BatchOptions, FileOperation, FileOperationResult, FileOptions, FileSystem } from '../types.js';

/**
 * Carries out operations one after the other. What fails is a result, a WireError, never a rejection; unless `stopOnError`
 * is false, those behind it are `skipped`. `sandbox` and `followSymlinks` hold for each.
 */
export async function batch(
  files: FileSystem,
  operations: readonly FileOperation[],
  { stopOnError = true, ...options }: BatchOptions = {},
): Promise<FileOperationResult[]> {
  const results: FileOperationResult[] = [];
  let stopped = false;
  for (const operation of operations) {
    if (stopped) {
      results.push({ status: 'skipped' });
      continue;
    }
    try {
      results.push({ status: 'ok', value: await carryOut(files, operation, options) });
    } catch (error) {
      results.push({ status: 'failed', error: toWireError(error) });
      stopped = stopOnError;
    }
  }
  return results;
}

type Value = Extract<FileOperationResult, { status: 'ok' }>['value'];

async function carryOut(files: FileSystem, operation: FileOperation, options: FileOptions): Promise<Value> {
  switch (operation.op) {
    case 'readFile':
      return files.readFile(operation.path, { ...options, maxBytes: operation.maxBytes });
    case 'writeFile':
      await files.writeFile(operation.path, operation.data, { ...options, atomic: operation.atomic });
      return undefined;
    case 'createDirectory':
      await files.createDirectory(operation.path, { ...options, recursive: operation.recursive });
      return undefined;
    case 'getMetadata':
      return files.getMetadata(operation.path, options);
    case 'readDirectory':
      return files.readDirectory(operation.path, options);
    case 'remove':
      await files.remove(operation.path, { ...options, recursive: operation.recursive, force: operation.force });
      return undefined;
    case 'copy':
      await files.copy(operation.source, operation.destination, { ...options, recursive: operation.recursive });
      return undefined;
    case 'rename':
      await files.rename(operation.source, operation.destination, { ...options, overwrite: operation.overwrite });
      return undefined;
  }
}
