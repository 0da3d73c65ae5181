import { invalidRequest } from '../protocol/errors.js';
import type { NativePath } from '../protocol/paths.js';
import type { FileOptions, FileSystem } from './types.js';

/** The whole of a file as text, a byte order mark included. What is not UTF-8 is refused, kind `invalid_input`. */
export async function readTextFile(
  files: FileSystem,
  path: NativePath,
  options: FileOptions & { maxBytes?: number | undefined } = {},
): Promise<string> {
  const content = await files.readFile(path, options);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw notText(`\`${path.toWellFormed()}\` is not UTF-8 text: read it as bytes, with readFile`, path);
  }
}

/** Text as UTF-8. Lone surrogates, which have no UTF-8, are refused, kind `invalid_input`. */
export async function writeTextFile(
  files: FileSystem,
  path: NativePath,
  text: string,
  options: FileOptions & { atomic?: boolean | undefined } = {},
): Promise<void> {
  if (!text.isWellFormed()) throw notText(`the text for \`${path.toWellFormed()}\` holds half a character`, path);
  await files.writeFile(path, Buffer.from(text), options);
}

function notText(message: string, path: NativePath): Error {
  return invalidRequest('invalid_input', message, { path: path.toWellFormed() });
}
