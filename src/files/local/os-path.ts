import { type NativePath, pathBytes } from '../../protocol/paths.js';

/** A path as node:fs takes it: a string, or bytes where a name on the way is not UTF-8. */
export function osPath(path: NativePath): string | Buffer {
  return path.isWellFormed() ? path : pathBytes(path);
}

export function childPath(directory: NativePath, name: string): NativePath {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

/** The parent by the text alone; `/` is its own. */
export function parentPath(path: NativePath): NativePath {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
