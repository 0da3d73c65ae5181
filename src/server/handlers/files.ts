import type { FileMetadata, FileOptions, FileSystem } from '../../files/types.js';
import { dialectOf, formatPath, type NativePath, parsePath } from '../../protocol/paths.js';
import type { Handlers } from '../handlers.js';
import { batchHandlers } from './file-batch.js';
import { openFileHandlers } from './file-handles.js';
import { fileOptions } from './file-options.js';
import { decodeFile, directoryResult, fileTooLarge, MAX_FILE_BYTES, metadataResult } from './file-results.js';
import { watchHandlers } from './file-watch.js';

/** `fs/*`: a thin adapter from the wire to a file system. Policies are read here, and enforced by the file system. */
export function fileHandlers(files: FileSystem) {
  return { ...pathHandlers(files), ...openFileHandlers(files), ...watchHandlers(files), ...batchHandlers(files) };
}

/** Those that are over with their answer. */
export function pathHandlers(files: FileSystem) {
  return {
    async 'fs/readFile'(params) {
      const maxBytes = Math.min(params.maxBytes ?? MAX_FILE_BYTES, MAX_FILE_BYTES);
      const data = await files.readFile(parsePath(params.path), { ...fileOptions(params), maxBytes });
      if (data.length > MAX_FILE_BYTES) throw fileTooLarge(MAX_FILE_BYTES);
      return { dataBase64: data.toString('base64') };
    },

    async 'fs/writeFile'(params) {
      const options = { ...fileOptions(params), atomic: params.atomic ?? false };
      await files.writeFile(parsePath(params.path), decodeFile(params.dataBase64), options);
      return {};
    },

    async 'fs/createDirectory'(params) {
      const options = { ...fileOptions(params), recursive: params.recursive ?? true };
      await files.createDirectory(parsePath(params.path), options);
      return {};
    },

    async 'fs/getMetadata'(params) {
      const path = parsePath(params.path);
      const options = fileOptions(params);
      const metadata = await files.getMetadata(path, options);
      // Clients of this dialect take no answer without a size.
      const needsSize = metadata.size === null && dialectOf(params.path) === 'uri';
      return metadataResult(needsSize ? { ...metadata, size: await sizeOf(files, path, metadata, options) } : metadata);
    },

    async 'fs/readDirectory'(params) {
      return directoryResult(await files.readDirectory(parsePath(params.path), fileOptions(params)));
    },

    async 'fs/remove'(params) {
      const { recursive, force } = params;
      const options = { ...fileOptions(params), recursive: recursive ?? true, force: force ?? true };
      await files.remove(parsePath(params.path), options);
      return {};
    },

    async 'fs/copy'(params) {
      const { sourcePath, destinationPath, recursive } = params;
      await files.copy(parsePath(sourcePath), parsePath(destinationPath), { ...fileOptions(params), recursive });
      return {};
    },

    async 'fs/rename'(params) {
      const { sourcePath, destinationPath, overwrite } = params;
      const options = { ...fileOptions(params), overwrite: overwrite ?? false };
      await files.rename(parsePath(sourcePath), parsePath(destinationPath), options);
      return {};
    },

    async 'fs/canonicalize'(params) {
      const path = await files.canonicalize(parsePath(params.path), fileOptions(params));
      return { path: formatPath(path, dialectOf(params.path)) };
    },

    async 'fs/walk'(params) {
      const { maxDepth, maxDirectories, maxEntries, followDirectorySymlinks, pruneHiddenDirectories } =
        params.options ?? {};
      const { entries, errors, truncated } = await files.walk(parsePath(params.path), {
        ...fileOptions(params),
        maxDepth: maxDepth ?? undefined,
        maxDirectories: maxDirectories ?? undefined,
        maxEntries: maxEntries ?? undefined,
        followDirectorySymlinks: followDirectorySymlinks ?? undefined,
        pruneHiddenDirectories: pruneHiddenDirectories ?? undefined,
      });
      const onWire = (path: NativePath) => formatPath(path, dialectOf(params.path));
      return {
        entries: entries.map(({ path, kind }) => ({ path: onWire(path), kind })),
        errors: errors.map(({ path, message }) => ({ path: onWire(path), message })),
        truncated,
      };
    },
  } satisfies Handlers;
}

/**
 * The size of what is on a server that does not tell it (0.129, with this one in front). Learnt by reading, which costs
 * little more: clients of that dialect ask only about files that they read next. Null where even that fails.
 */
async function sizeOf(
  files: FileSystem,
  path: NativePath,
  { isFile }: FileMetadata,
  options: FileOptions,
): Promise<number | null> {
  if (!isFile) return 0;
  try {
    return (await files.readFile(path, { ...options, maxBytes: MAX_FILE_BYTES })).length;
  } catch {
    return null; // the client learns why when it reads the file
  }
}
