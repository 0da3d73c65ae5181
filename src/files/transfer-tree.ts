import { TRANSFERS_AT_ONCE } from './limits.js';
import { forEachBounded } from './local/for-each-bounded.js';
import { type FileAt, type TransferOptions, type TransferResult, transferFile } from './transfer-file.js';

export interface TreeTransferOptions extends Omit<TransferOptions, 'onProgress'> {
  /** A file begins, or is further on, or is there. */
  onFile?: ((event: TreeEvent) => void) | undefined;
  /** It cannot be transferred: a link to a directory, a fifo, a socket, a device. */
  onSkipped?: ((path: string, reason: string) => void) | undefined;
  /** One entry failed; the others go on. */
  onFailed?: ((path: string, error: unknown) => void) | undefined;
}

export type TreeEvent =
  | { type: 'progress'; source: string; doneBytes: number; totalBytes: number; resumedAt: number }
  | { type: 'done'; source: string; result: TransferResult };

/**
 * Copies a directory and what is below it into another place: merged into a directory that is there. Links to files are
 * copied as the files that they lead to; links to directories, fifos, sockets and devices are skipped. Rejects only for the
 * directory itself, or when its signal aborts.
 */
export async function transferTree(source: FileAt, target: FileAt, options: TreeTransferOptions = {}): Promise<void> {
  const entries = await source.files.readDirectory(source.path);
  await target.files.createDirectory(target.path, { recursive: true });
  const at = (place: FileAt, name: string) => ({ ...place, path: childPath(place.path, name) });
  await forEachBounded(entries, TRANSFERS_AT_ONCE, async ({ fileName, isFile, isDirectory }) => {
    const from = at(source, fileName);
    if (isFile) await attempt(from, options, () => transferOne(from, at(target, fileName), options));
    else if (!isDirectory) options.onSkipped?.(from.path, 'not a file or directory');
  });
  for (const { fileName, isDirectory } of entries) {
    if (!isDirectory) continue;
    const from = at(source, fileName);
    await attempt(from, options, async () => {
      if ((await from.files.getMetadata(from.path)).isSymlink) options.onSkipped?.(from.path, 'a link to a directory');
      else await transferTree(from, at(target, fileName), options);
    });
  }
}

async function transferOne(source: FileAt, target: FileAt, { signal, onFile }: TreeTransferOptions): Promise<void> {
  const result = await transferFile(source, target, {
    signal,
    onProgress: (progress) => onFile?.({ type: 'progress', source: source.path, ...progress }),
  });
  onFile?.({ type: 'done', source: source.path, result });
}

async function attempt({ path }: FileAt, options: TreeTransferOptions, work: () => Promise<void>): Promise<void> {
  options.signal?.throwIfAborted();
  try {
    await work();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    options.onFailed?.(path, error);
  }
}

function childPath(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}
