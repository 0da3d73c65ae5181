import type { FileOperation, FileSystem } from '../../files/types.js';
import type { WireOperation } from '../../protocol/file-methods.js';
import { parsePath } from '../../protocol/paths.js';
import type { Handlers } from '../handlers.js';
import { BatchRun } from './batch-run.js';
import { fileOptions } from './file-options.js';
import { decodeFile } from './file-results.js';

/** Several operations, in order, in one round trip. */
export function batchHandlers(files: FileSystem) {
  return {
    async 'fs/batch'(params) {
      const options = { ...fileOptions(params), stopOnError: params.stopOnError ?? true };
      return { results: await new BatchRun(files, params.operations.map(toOperation), options).results() };
    },
  } satisfies Handlers;
}

/** With the defaults of the method of that name. */
function toOperation(operation: WireOperation): FileOperation {
  switch (operation.op) {
    case 'readFile':
      return { op: 'readFile', path: parsePath(operation.path), maxBytes: operation.maxBytes ?? undefined };
    case 'writeFile': {
      const { op, path, dataBase64, atomic } = operation;
      return { op, path: parsePath(path), data: decodeFile(dataBase64), atomic: atomic ?? false };
    }
    case 'createDirectory':
      return { op: 'createDirectory', path: parsePath(operation.path), recursive: operation.recursive ?? true };
    case 'getMetadata':
    case 'readDirectory':
      return { op: operation.op, path: parsePath(operation.path) };
    case 'remove': {
      const { op, path, recursive, force } = operation;
      return { op, path: parsePath(path), recursive: recursive ?? true, force: force ?? true };
    }
    case 'copy':
      return { op: 'copy', ...ends(operation), recursive: operation.recursive ?? false };
    case 'rename':
      return { op: 'rename', ...ends(operation), overwrite: operation.overwrite ?? false };
    default:
      return operation satisfies never;
  }
}

function ends({ sourcePath, destinationPath }: { sourcePath: string; destinationPath: string }) {
  return { source: parsePath(sourcePath), destination: parsePath(destinationPath) };
}
