export { LocalFileSystem } from './local/local-file-system.js';
export type { DirectoryEntry, FileMetadata, FileOptions, FileSystem } from './types.js';
