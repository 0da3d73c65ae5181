import { invalidParams } from '../protocol/errors.js';
import { formatPath, type PathDialect, PathError, parsePath } from '../protocol/paths.js';

const PATH_FIELDS = ['cwd', 'path', 'sourcePath', 'destinationPath'];

/** The params with their paths as the server wants them. Throws a WireError for a path that is none. */
export function inDialect(params: unknown, dialect: PathDialect): unknown {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return params;
  const translated: Record<string, unknown> = { ...params };
  for (const field of PATH_FIELDS) {
    const path = translated[field];
    if (typeof path === 'string') translated[field] = translate(path, dialect);
  }
  return translated;
}

function translate(path: string, dialect: PathDialect): string {
  try {
    return formatPath(parsePath(path), dialect);
  } catch (error) {
    throw error instanceof PathError ? invalidParams(error.message) : error;
  }
}
