import type { FileSystem } from '../../files/types.js';
import { dialectOf, formatPath, parsePath } from '../../protocol/paths.js';
import type { Handlers } from '../handlers.js';
import { fileOptions } from './file-options.js';

/** Watches belong to the session, and so outlive a connection. What they see is pushed as `fs/changed`. */
export function watchHandlers(files: FileSystem) {
  return {
    async 'fs/watch'(params, { session, afterAnswer }) {
      const { watchId } = params;
      const path = parsePath(params.path);
      const dialect = dialectOf(params.path);
      const options = { ...fileOptions(params), recursive: params.recursive ?? false };
      await session.watches.start({ watchId, dialect }, () => files.watch(path, options), afterAnswer);
      return { path: formatPath(path, dialect) };
    },

    async 'fs/unwatch'({ watchId }, { session }) {
      await session.watches.stop(watchId);
      return {};
    },
  } satisfies Handlers;
}
