import type { FileSystem } from '../../src/files/types.js';

/** A file system that can do what is given, and refuses the rest. */
export function partialFiles(given: Partial<FileSystem>): FileSystem {
  const refuse = () => Promise.reject(new Error('not in this test'));
  return {
    readFile: refuse,
    writeFile: refuse,
    createDirectory: refuse,
    getMetadata: refuse,
    readDirectory: refuse,
    remove: refuse,
    copy: refuse,
    rename: refuse,
    canonicalize: refuse,
    walk: refuse,
    open: refuse,
    watch: refuse,
    batch: refuse,
    ...given,
  };
}
