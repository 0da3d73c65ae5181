export { readTextFile, writeTextFile } from './conveniences.js';
export { LocalFileSystem } from './local/local-file-system.js';
export { type ReadStreamOptions, readStream } from './read-stream.js';
export {
  type FileAt,
  TransferInterruptedError,
  type TransferOptions,
  type TransferResult,
  transferFile,
} from './transfer-file.js';
export { type TreeEvent, type TreeTransferOptions, transferTree } from './transfer-tree.js';
export type {
  BatchOptions,
  DirectoryEntry,
  FileChanges,
  FileMetadata,
  FileOperation,
  FileOperationResult,
  FileOptions,
  FileSystem,
  FileWatcher,
  OpenFile,
  OpenMode,
  WalkEntry,
  WalkOptions,
  WalkResult,
} from './types.js';
export { type FileWriter, type WriteStreamOptions, writeStream } from './write-stream.js';
