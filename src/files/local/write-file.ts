import type { NativePath } from '../../protocol/paths.js';
import type { Access } from './access.js';
import { openForWriting, type WriteOptions, writeAll } from './open-for-writing.js';
import { afterFirstChange } from './os-error.js';

/** Mode of a file that we create, less the umask. */
export const CREATE_MODE = 0o644;

/** Creates the file or replaces its content, in place: mode, owner and links stay. */
export async function writeFile(
  access: Access,
  path: NativePath,
  data: Buffer,
  options: WriteOptions = {},
): Promise<void> {
  const { handle, stats } = await openForWriting(access, path, { ...options, createMode: CREATE_MODE });
  await afterFirstChange(path, replaceContent());

  async function replaceContent(): Promise<void> {
    try {
      if (stats.isFile()) await handle.truncate(0);
      await writeAll(handle, data, options);
    } finally {
      await handle.close();
    }
  }
}
