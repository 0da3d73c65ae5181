import type { z } from 'zod';
import { EnvironmentConfigError } from './errors.js';

/** The value as the schema has it. Throws EnvironmentConfigError about the first problem; `lineOf` finds its line. */
export function check<T>(
  schema: z.ZodType<T>,
  value: unknown,
  source: string,
  lineOf: (path: readonly PropertyKey[]) => number | undefined = () => undefined,
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  // The issue itself is not kept as a cause: nobody promises that it holds no value.
  if (!issue) throw new EnvironmentConfigError(source, 'is not valid');
  const { path, problem } = describe(issue);
  throw new EnvironmentConfigError(source, problem, { line: lineOf(path), key: formatKey(path) });
}

function describe(issue: z.core.$ZodIssue): { path: readonly PropertyKey[]; problem: string } {
  if (issue.code !== 'unrecognized_keys') return { path: issue.path, problem: issue.message };
  const [key = ''] = issue.keys;
  return { path: [...issue.path, key], problem: 'there is no such key' };
}

/** `environments[1].url` */
function formatKey(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}
