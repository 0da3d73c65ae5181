import { readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';

/** A file of secrets cannot be used. Quotes nothing of what is in it. */
export class PrivateFileError extends Error {
  override readonly name = 'PrivateFileError';
}

/** Reads a JSON file of secrets. Throws PrivateFileError: not there, open to others, of another shape. */
export function readPrivateFile<T>(path: string, what: string, shape: z.ZodType<T>): T {
  let text: string;
  try {
    const mode = statSync(path).mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new PrivateFileError(
        `${what} \`${path}\` is open to others (mode ${mode.toString(8).padStart(4, '0')}): expected 0600, so \`chmod 600\` it`,
      );
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof PrivateFileError) throw error;
    throw new PrivateFileError(
      `cannot read ${what} \`${path}\`: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PrivateFileError(`${what} \`${path}\` is no JSON`); // the parser's message would quote the file
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new PrivateFileError(
    `${what} \`${path}\` is not as expected: \`${issue?.path.join('.') ?? ''}\`: ${issue?.message}`,
  );
}
