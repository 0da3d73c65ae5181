import { invalidParams } from '../protocol/errors.js';
import { formatPath, type PathDialect, PathError, parsePath } from '../protocol/paths.js';

const PATH_FIELDS = ['cwd', 'path', 'sourcePath', 'destinationPath'];

/** The params with their paths as the server wants them. Throws a WireError for a path that is none. */
export function inDialect(params: unknown, dialect: PathDialect): unknown {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return params;
  const translated: Record<string, unknown> = { ...params };
  if (Array.isArray(translated.operations)) {
    translated.operations = translated.operations.map((operation: unknown) => inDialect(operation, dialect));
  }
  for (const field of PATH_FIELDS) {
    const path = translated[field];
    if (typeof path === 'string') translated[field] = translate(path, dialect);
  }
  return translated;
}

function translate(path: string, dialect: PathDialect): string {
  try {
    const native = parsePath(path);
    // Any other spelling of it would name another file.
    if (dialect === 'plain' && !native.isWellFormed()) {
      throw invalidParams(
        `the path ${formatPath(native, 'uri')} is not UTF-8, and this server takes plain paths only: rename it there`,
      );
    }
    return formatPath(native, dialect);
  } catch (error) {
    throw error instanceof PathError ? invalidParams(error.message) : error;
  }
}
