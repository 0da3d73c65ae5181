import type { DirectoryEntry, FileMetadata, FileOperation, FileOperationResult } from '../../files/types.js';
import { MAX_BATCH_OPERATIONS } from '../../protocol/limits.js';
import type { NativePath } from '../../protocol/paths.js';
import { DEFAULT_LISTED_ENTRIES } from '../limits.js';
import { fileOptions, resolveIn, type Workspace } from './workspace.js';

export interface ListedEntry {
  /** Below the directory that is listed. */
  path: string;
  /** `other`: a device, a fifo, a socket, or what must not be looked at. */
  type: 'file' | 'directory' | 'link' | 'other';
  /** Bytes of a file, links followed; where the server tells it. */
  size?: number;
  /** Why what is in a directory is not listed, though it should be. */
  unreadable?: string;
}

export interface ListedTree {
  path: NativePath;
  /** By name, each directory before what is in it. */
  entries: ListedEntry[];
  /** There is more than was asked for. */
  truncated: boolean;
}

export interface ListTreeParams {
  /** Default: the working directory. */
  path?: string | undefined;
  /** 1, the default: only what is in the directory itself. */
  depth?: number | undefined;
  /** Default 500. Of a tree that is larger, what is deepest is left out. */
  limit?: number | undefined;
}

/** A directory whose content is to be listed. */
interface Place {
  absolute: NativePath;
  /** Undefined for the one that all are below. */
  entry: ListedEntry | undefined;
}

/**
 * Lists a directory, level by level, without following links; those that lead nowhere are left out, as by `readDirectory`.
 * Rejects with the error of the file system for the directory itself.
 */
export async function listTree(
  workspace: Workspace,
  { path = '.', depth = 1, limit = DEFAULT_LISTED_ENTRIES }: ListTreeParams,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<ListedTree> {
  const root = resolveIn(workspace, path);
  const entries: ListedEntry[] = [];
  let level: Place[] = [{ absolute: root, entry: undefined }];
  let truncated = false;
  for (let below = 0; below < depth && level.length > 0 && !truncated; below++) {
    signal?.throwIfAborted();
    const children = await listAll(workspace, level);
    const fitting = children.slice(0, limit - entries.length);
    truncated = fitting.length < children.length;
    const places = await describeAll(workspace, fitting);
    entries.push(...fitting);
    level = places.filter(({ entry }) => entry?.type === 'directory');
  }
  entries.sort((a, b) => comparePaths(a.path, b.path));
  return { path: root, entries, truncated };

  async function describeAll(place: Workspace, found: readonly ListedEntry[]): Promise<Place[]> {
    const at = (entry: ListedEntry) => `${root === '/' ? '' : root}/${entry.path}`;
    const results = await inBatches(
      place,
      found.map((entry) => ({ op: 'getMetadata', path: at(entry) })),
    );
    return found.map((entry, i) => {
      Object.assign(entry, kindAndSize(results[i]));
      return { absolute: at(entry), entry };
    });
  }
}

/** What is in these directories, by name, one directory after the other. */
async function listAll(workspace: Workspace, level: readonly Place[]): Promise<ListedEntry[]> {
  const results = await inBatches(
    workspace,
    level.map(({ absolute }) => ({ op: 'readDirectory', path: absolute })),
  );
  return level.flatMap(({ entry }, i) => {
    const result = results[i];
    if (result?.status !== 'ok') {
      const error = result?.status === 'failed' ? result.error : new Error('it was not looked at');
      if (!entry) throw error;
      entry.unreadable = error.message;
      return [];
    }
    const names = (result.value as DirectoryEntry[]).map(({ fileName }) => fileName).sort();
    return names.map((name): ListedEntry => ({ path: entry ? `${entry.path}/${name}` : name, type: 'other' }));
  });
}

function kindAndSize(result: FileOperationResult | undefined): Pick<ListedEntry, 'type' | 'size'> {
  if (result?.status !== 'ok') return { type: 'other' };
  const { isDirectory, isFile, isSymlink, size } = result.value as FileMetadata;
  const type = isSymlink ? 'link' : isDirectory ? 'directory' : isFile ? 'file' : 'other';
  return { type, ...(isFile && size !== null ? { size } : {}) };
}

async function inBatches(workspace: Workspace, operations: readonly FileOperation[]): Promise<FileOperationResult[]> {
  const results: FileOperationResult[] = [];
  for (let at = 0; at < operations.length; at += MAX_BATCH_OPERATIONS) {
    const batch = operations.slice(at, at + MAX_BATCH_OPERATIONS);
    results.push(...(await workspace.files.batch(batch, { ...fileOptions(workspace), stopOnError: false })));
  }
  return results;
}

/** Name by name, so that a directory stands before what is in it, and nothing between. */
function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  const at = left.findIndex((name, i) => name !== right[i]);
  if (at < 0) return left.length - right.length;
  const [one = '', other] = [left[at], right[at]];
  return other === undefined || one > other ? 1 : -1;
}

/** One line for each: directories end in a slash, files have their size. */
export function formatTree({ path, entries, truncated }: ListedTree): string {
  const lines = entries.map((entry) => entry.path.toWellFormed() + suffix(entry));
  if (entries.length === 0) lines.push('[The directory is empty]');
  if (truncated) {
    lines.push(`[There is more than these ${entries.length} entries: list one of the directories, or raise \`limit\`]`);
  }
  return [`${path.toWellFormed()}:`, ...lines].join('\n');
}

function suffix({ type, size, unreadable }: ListedEntry): string {
  if (type === 'directory') return unreadable === undefined ? '/' : `/ [not listed: ${unreadable}]`;
  if (type === 'file') return size === undefined ? '' : ` (${size} bytes)`;
  return type === 'link' ? ' (link)' : ' (not a file)';
}
