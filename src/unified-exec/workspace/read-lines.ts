import { readStream } from '../../files/read-stream.js';
import type { NativePath } from '../../protocol/paths.js';
import { BYTES_PER_TOKEN, DEFAULT_MAX_OUTPUT_TOKENS, DEFAULT_READ_LINES, SHOWN_LINE_CHARACTERS } from '../limits.js';
import { FileToolError } from './file-tool-error.js';
import { LineWindow } from './line-window.js';
import { fileOptions, resolveIn, type Workspace } from './workspace.js';

export interface ReadLinesParams {
  path: string;
  /** The first line, counted from 1. Default 1. */
  offset?: number | undefined;
  /** Default 2000. */
  limit?: number | undefined;
}

/** Where a file that is not text shows it, if it does. */
const LOOKED_AT_BYTES = 8_192;

/**
 * Lines of a text file with their numbers, as `cat -n` writes them. What is left out is marked, with how to get it. Of a large
 * file only what is before and among these lines is read. Rejects with FileToolError, the error of the file system, or the
 * reason of `signal`.
 */
export async function readLines(
  workspace: Workspace,
  { path, offset = 1, limit = DEFAULT_READ_LINES }: ReadLinesParams,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const file = resolveIn(workspace, path);
  const lines = new LineWindow({
    first: offset,
    maxLines: limit,
    maxCharacters: DEFAULT_MAX_OUTPUT_TOKENS * BYTES_PER_TOKEN,
    maxLineCharacters: SHOWN_LINE_CHARACTERS,
  });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let isFirst = true;
  for await (const chunk of readStream(workspace.files, file, { ...fileOptions(workspace), signal })) {
    if (isFirst && chunk.subarray(0, LOOKED_AT_BYTES).includes(0)) throw await notText(workspace, file);
    isFirst = false;
    const text = await decode(workspace, file, () => decoder.decode(chunk, { stream: true }));
    lines.push(text);
    if (lines.isFull) break;
  }
  if (!lines.isFull) {
    await decode(workspace, file, () => decoder.decode());
    lines.end();
  }
  if (lines.shown.length > 0) return marked(lines);
  if (lines.count === 0) return `[${file} is empty]`;
  throw new FileToolError(
    `${file} has ${lines.count} lines: expected an offset of at most ${lines.count}, got ${offset}.`,
  );
}

function marked({ shown, next }: LineWindow): string {
  const numbered = shown.map(({ number, text }) => `${String(number).padStart(6)}\t${text}`);
  if (next !== undefined) numbered.push(`[There are more lines: read on with offset=${next}]`);
  return numbered.join('\n');
}

async function decode(workspace: Workspace, path: NativePath, work: () => string): Promise<string> {
  try {
    return work();
  } catch (error) {
    throw error instanceof TypeError ? await notText(workspace, path) : error;
  }
}

async function notText(workspace: Workspace, path: NativePath): Promise<FileToolError> {
  const { size } = await workspace.files.getMetadata(path, fileOptions(workspace));
  const bytes = size === null ? '' : ` It has ${size} bytes.`;
  return new FileToolError(
    `${path} is not UTF-8 text.${bytes} Look at it with a program, by exec_command: \`file\`, \`od\`, \`iconv\`.`,
  );
}
