import { writeTextFile } from '../../files/conveniences.js';
import { isUnsupported } from '../../files/open-support.js';
import type { NativePath } from '../../protocol/paths.js';
import { isNotFound } from '../not-found.js';
import { fileOptions, resolveIn, type Workspace } from './workspace.js';

export interface WrittenFile {
  path: NativePath;
  bytes: number;
  /** There was none before. */
  created: boolean;
}

/** Writes a whole file, with the directories on the way to it; atomically where the server can. */
export async function writeText(workspace: Workspace, path: string, text: string): Promise<WrittenFile> {
  const file = resolveIn(workspace, path);
  const created = !(await exists(workspace, file));
  try {
    await write(workspace, file, text);
  } catch (error) {
    if (!created || !isNotFound(error)) throw error;
    const parent = file.slice(0, file.lastIndexOf('/')) || '/';
    await workspace.files.createDirectory(parent, { ...fileOptions(workspace), recursive: true });
    await write(workspace, file, text);
  }
  return { path: file, bytes: Buffer.byteLength(text), created };
}

async function exists(workspace: Workspace, file: NativePath): Promise<boolean> {
  try {
    await workspace.files.getMetadata(file, fileOptions(workspace));
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function write(workspace: Workspace, file: NativePath, text: string): Promise<void> {
  const options = fileOptions(workspace);
  try {
    await writeTextFile(workspace.files, file, text, { ...options, atomic: true });
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    await writeTextFile(workspace.files, file, text, options);
  }
}
