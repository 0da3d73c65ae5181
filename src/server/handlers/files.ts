import type { FileSystem } from '../../files/types.js';
import { decodeBase64 } from '../../protocol/base64.js';
import { invalidRequest } from '../../protocol/errors.js';
import { MAX_MESSAGE_BYTES } from '../../protocol/limits.js';
import { parsePath } from '../../protocol/paths.js';
import type { Handlers } from '../handlers.js';
import { refuseRestrictingSandbox } from './sandbox-guard.js';

/** What fits into one message as base64, with 1 KiB left for the envelope. */
const MAX_FILE_BYTES = ((MAX_MESSAGE_BYTES - 1024) / 4) * 3;

/** `fs/*`: a thin adapter from the wire to a file system. */
export function fileHandlers(files: FileSystem) {
  return {
    async 'fs/readFile'(params) {
      refuseRestrictingSandbox(params);
      const data = await files.readFile(parsePath(params.path));
      if (data.length > MAX_FILE_BYTES) {
        throw invalidRequest('too_large', `file is too large to read: limit is ${MAX_FILE_BYTES} bytes in one message`);
      }
      return { dataBase64: data.toString('base64') };
    },

    async 'fs/writeFile'(params) {
      refuseRestrictingSandbox(params);
      const data = decodeBase64(params.dataBase64, (reason) =>
        invalidRequest('invalid_input', `fs/writeFile requires valid base64 dataBase64: ${reason}`),
      );
      await files.writeFile(parsePath(params.path), data);
      return {};
    },

    async 'fs/createDirectory'(params) {
      refuseRestrictingSandbox(params);
      await files.createDirectory(parsePath(params.path), { recursive: params.recursive ?? true });
      return {};
    },

    async 'fs/getMetadata'(params) {
      refuseRestrictingSandbox(params);
      return { ...(await files.getMetadata(parsePath(params.path))) };
    },

    async 'fs/readDirectory'(params) {
      refuseRestrictingSandbox(params);
      return { entries: (await files.readDirectory(parsePath(params.path))).map((entry) => ({ ...entry })) };
    },

    async 'fs/remove'(params) {
      refuseRestrictingSandbox(params);
      await files.remove(parsePath(params.path), { recursive: params.recursive ?? true, force: params.force ?? true });
      return {};
    },

    async 'fs/copy'(params) {
      refuseRestrictingSandbox(params);
      const { sourcePath, destinationPath, recursive } = params;
      await files.copy(parsePath(sourcePath), parsePath(destinationPath), { recursive });
      return {};
    },
  } satisfies Handlers;
}
