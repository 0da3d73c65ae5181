import { z } from 'zod';
import { type NativePath, PathError, parsePath } from './paths.js';

/** An absolute path or `file:` URI, read to a native path. */
const path = z.string().transform((value, context): NativePath => {
  try {
    return parsePath(value);
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
});

const access = z.enum(['read', 'write', 'none', 'deny']).transform((word) => (word === 'deny' ? 'none' : word));

const network = z.enum(['restricted', 'enabled']);

/** Says which variants there are: the library's own message does not. */
function variants(...types: string[]) {
  const expected = `expected one of ${types.map((type) => JSON.stringify(type)).join('|')}`;
  return { error: (issue: { code?: string | undefined }) => (issue.code === 'invalid_union' ? expected : undefined) };
}

const entry = z.object({
  path: z.discriminatedUnion(
    'type',
    [
      z.object({ type: z.literal('path'), path }),
      z.object({ type: z.literal('glob_pattern'), pattern: z.string() }),
      z.object({
        type: z.literal('special'),
        value: z.object({ kind: z.string(), path: z.string().nullish(), subpath: z.string().nullish() }),
      }),
    ],
    variants('path', 'glob_pattern', 'special'),
  ),
  access,
  missing_path_behavior: z.literal('skip').nullish(),
});

const entries = z.object({ entries: z.array(entry), glob_scan_max_depth: z.number().int().positive().nullish() });

const fileSystem = z.discriminatedUnion(
  'type',
  [z.object({ type: z.literal('unrestricted') }), entries.extend({ type: z.literal('restricted') })],
  variants('restricted', 'unrestricted'),
);

/** The newer spelling in camelCase, which hosts written in JavaScript send, is read as the same. */
const withSnakeCase = (value: unknown) =>
  typeof value === 'object' && value !== null && 'fileSystem' in value && !('file_system' in value)
    ? { ...value, file_system: value.fileSystem }
    : value;

/** What real servers from 0.129 take. */
export const profileShape = z.preprocess(
  withSnakeCase,
  z.discriminatedUnion(
    'type',
    [
      z.object({ type: z.literal('managed'), file_system: fileSystem, network }),
      z.object({ type: z.literal('disabled') }),
      z.object({ type: z.literal('external'), network }),
    ],
    variants('managed', 'disabled', 'external'),
  ),
);

const pathList = z.array(path).nullish();

/** A profile without `type`, which 0.129 takes too: everything is optional, and what is not granted is denied. */
export const untypedProfileShape = z.object({
  network: z.object({ enabled: z.boolean().nullish() }).nullish(),
  file_system: z.union([entries, z.strictObject({ read: pathList, write: pathList })]).nullish(),
});

export const contextShape = z.object({
  permissions: z.custom<unknown>((value) => typeof value === 'object' && value !== null, 'expected an object'),
  cwd: path.nullish(),
  workspaceRoots: z.array(path).nullish(),
  // Real servers refuse a context without it, so a client that forgets it learns that here.
  windowsSandboxLevel: z.enum(['disabled', 'restricted-token', 'elevated', 'mxc']),
});

export type EntryShape = z.output<typeof entry>;
export type EntriesShape = z.output<typeof entries>;
export type ProfileShape = z.output<typeof profileShape>;
export type UntypedProfileShape = z.output<typeof untypedProfileShape>;
export { path as pathShape };
