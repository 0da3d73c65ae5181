import type { BatchOptions, FileOperation, FileOperationResult, FileOptions, FileSystem } from '../files/types.js';

type Value = Extract<FileOperationResult, { status: 'ok' }>['value'];

/** What `batch` does, for servers without fs/batch: the same in the same order, one request each. Never rejects. */
export async function batchOneByOne(
  files: FileSystem,
  operations: readonly FileOperation[],
  { stopOnError = true, ...options }: BatchOptions,
): Promise<FileOperationResult[]> {
  const results: FileOperationResult[] = [];
  let stopped = false;
  for (const operation of operations) {
    const result: FileOperationResult = stopped ? { status: 'skipped' } : await outcome(files, operation, options);
    stopped ||= stopOnError && result.status === 'failed';
    results.push(result);
  }
  return results;
}

async function outcome(
  files: FileSystem,
  operation: FileOperation,
  options: FileOptions,
): Promise<FileOperationResult> {
  try {
    return { status: 'ok', value: await perform(files, operation, options) };
  } catch (error) {
    return { status: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
  }
}

async function perform(files: FileSystem, operation: FileOperation, options: FileOptions): Promise<Value> {
  switch (operation.op) {
    case 'readFile':
      return files.readFile(operation.path, { ...options, maxBytes: operation.maxBytes });
    case 'getMetadata':
      return files.getMetadata(operation.path, options);
    case 'readDirectory':
      return files.readDirectory(operation.path, options);
    case 'writeFile':
      await files.writeFile(operation.path, operation.data, { ...options, atomic: operation.atomic });
      return undefined;
    case 'createDirectory':
      await files.createDirectory(operation.path, { ...options, recursive: operation.recursive });
      return undefined;
    case 'remove': {
      const { path, recursive, force } = operation;
      await files.remove(path, { ...options, recursive, force });
      return undefined;
    }
    case 'copy': {
      const { source, destination, recursive } = operation;
      await files.copy(source, destination, { ...options, recursive });
      return undefined;
    }
    case 'rename': {
      const { source, destination, overwrite } = operation;
      await files.rename(source, destination, { ...options, overwrite });
      return undefined;
    }
    default:
      return operation satisfies never;
  }
}
