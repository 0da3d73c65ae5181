import { z } from 'zod';
import { optional } from './fields.js';
import * as file from './file-methods.js';

/** Where the files are; absent: in the default environment. */
const where = { environmentId: optional(z.string()) };

/**
 * The requests of the application surface, as Codex's app-server has them: those about files, with the params of the
 * exec-server's methods of the same names and an environment.
 */
export const appMethods = {
  initialize: z.object({
    clientInfo: z.looseObject({ name: z.string(), title: optional(z.string()), version: optional(z.string()) }),
  }),
  'fs/readFile': file.readFileParams.extend(where),
  'fs/writeFile': file.writeFileParams.extend(where),
  'fs/createDirectory': file.createDirectoryParams.extend(where),
  'fs/getMetadata': file.getMetadataParams.extend(where),
  'fs/readDirectory': file.readDirectoryParams.extend(where),
  'fs/remove': file.removeParams.extend(where),
  'fs/copy': file.copyParams.extend({ ...where, recursive: z.boolean().nullish().transform(Boolean) }),
  'fs/watch': file.watchParams.extend(where),
  'fs/unwatch': file.unwatchParams,
  // Ours.
  'fs/rename': file.renameParams.extend(where),
  'fs/canonicalize': file.canonicalizeParams.extend(where),
  'fs/walk': file.walkParams.extend(where),
  'fs/batch': file.batchParams.extend(where),
} as const;

export type AppMethodName = keyof typeof appMethods;
/** Params as a handler gets them, after validation. */
export type AppParamsOf<M extends AppMethodName> = z.output<(typeof appMethods)[M]>;

export function isAppMethodName(name: string): name is AppMethodName {
  return Object.hasOwn(appMethods, name);
}
