import type { FileSystem } from '../../files/types.js';
import { decodeBase64 } from '../../protocol/base64.js';
import { invalidRequest } from '../../protocol/errors.js';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.js';
import { parsePath } from '../../protocol/paths.js';
import type { Handlers } from '../handlers.js';
import { fileOptions } from './file-options.js';

/** Files that stay open from request to request. They belong to the session, and so outlive a connection. */
export function openFileHandlers(files: FileSystem) {
  return {
    async 'fs/open'(params, { session }) {
      const { handleId, path, mode } = params;
      const options = { ...fileOptions(params), mode: mode ?? 'read' };
      await session.openFiles.open(handleId, () => files.open(parsePath(path), options));
      return { handleId };
    },

    async 'fs/readBlock'({ handleId, offset, len }, { session }) {
      checkLength('read', len);
      return session.openFiles.use(handleId, async (file) => {
        // Blocks that nobody takes would only pile up in memory.
        await session.connection?.channel.drained();
        const { chunk, eof } = await file.readBlock(offset, len);
        return { chunk: chunk.toString('base64'), eof };
      });
    },

    async 'fs/writeBlock'({ handleId, offset, chunk }, { session }) {
      const bytes = decodeBase64(chunk);
      checkLength('write', bytes.length);
      await session.openFiles.use(handleId, (file) => file.writeBlock(offset, bytes));
      return {};
    },

    async 'fs/close'({ handleId }, { session }) {
      await session.openFiles.close(handleId);
      return {};
    },
  } satisfies Handlers;
}

function checkLength(what: 'read' | 'write', bytes: number): void {
  if (bytes >= 1 && bytes <= MAX_BLOCK_BYTES) return;
  throw invalidRequest('invalid_input', `file ${what} block length must be between 1 and ${MAX_BLOCK_BYTES}`);
}
