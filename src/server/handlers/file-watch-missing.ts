import type { FileSystem } from '../../files/types.js';
import { parsePath } from '../../protocol/paths.js';
import type { Handlers } from '../handlers.js';

/** `fs/watchMissing`: told once when something appears where nothing was. */
export function watchMissingHandlers(files: FileSystem) {
  return {
    async 'fs/watchMissing'({ watchId, missing, present }, { session, afterAnswer }) {
      const paths = { missing: missing.map(parsePath), present: present == null ? undefined : parsePath(present) };
      return { watching: await session.missingWatches.start(files, { watchId, ...paths }, afterAnswer) };
    },
  } satisfies Handlers;
}
