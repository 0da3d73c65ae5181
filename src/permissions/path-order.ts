import type { NativePath } from '../protocol/paths.js';

/** Whether `path` is `directory` or somewhere below it. */
export function isAtOrBelow(path: NativePath, directory: NativePath): boolean {
  if (directory === '/' || path === directory) return true;
  return path.startsWith(directory) && path[directory.length] === '/';
}

/** How many names a path has. */
export function depthOf(path: NativePath): number {
  return path === '/' ? 0 : path.split('/').length - 1;
}

/** The directory of a path by the text; `/` is its own. */
export function parentOf(path: NativePath): NativePath {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

export function childOf(directory: NativePath, name: string): NativePath {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}
