import type { DirectoryEntry, FileMetadata } from '../../files/types.js';
import { decodeBase64 } from '../../protocol/base64.js';
import { invalidRequest, type WireError } from '../../protocol/errors.js';
import { MAX_ANSWER_JSON_VALUES, MAX_MESSAGE_BYTES } from '../../protocol/limits.js';

/** What fits into one message as base64, with 1 KiB left for the envelope. */
export const MAX_FILE_BYTES = ((MAX_MESSAGE_BYTES - 1024) / 4) * 3;

/** Entries of a directory that one message carries: each is an object with three members, and of that many bytes. */
const MAX_ENTRIES = Math.floor((MAX_ANSWER_JSON_VALUES - 16) / 4);
const ENTRY_BYTES = Buffer.byteLength('{"fileName":"","isDirectory":false,"isFile":false},');

export function fileTooLarge(maxBytes: number): WireError {
  return invalidRequest('too_large', `file is too large to read: limit is ${maxBytes} bytes in one message`);
}

export function decodeFile(dataBase64: string): Buffer {
  return decodeBase64(dataBase64, (reason) =>
    invalidRequest('invalid_input', `fs/writeFile requires valid base64 dataBase64: ${reason}`),
  );
}

/** `size` is left out where nobody knows it, as on the real servers that do not tell it. */
export function metadataResult({ size, ...metadata }: FileMetadata) {
  return { ...metadata, ...(size === null ? {} : { size }) };
}

/** Throws for a directory that no client could read the answer for. */
export function directoryResult(entries: readonly DirectoryEntry[]) {
  let bytes = 1024;
  for (const { fileName } of entries) bytes += ENTRY_BYTES + Buffer.byteLength(fileName);
  if (entries.length > MAX_ENTRIES || bytes > MAX_MESSAGE_BYTES) {
    throw invalidRequest(
      'too_large',
      `the directory has ${entries.length} entries, more than one message carries; fs/walk lists the first ones`,
    );
  }
  return { entries: entries.map(({ fileName, isDirectory, isFile }) => ({ fileName, isDirectory, isFile })) };
}
