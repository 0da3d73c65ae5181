import { z } from 'zod';
import { base64Text, optional, sandboxContext, unsigned, wirePath } from './fields.js';
import { MAX_BATCH_OPERATIONS } from './limits.js';

// The order of the fields is that of the real peers' structs, ours at the end: params may come as a positional array.

/** The policy to work under: a profile, or the shape of older clients; and ours (fsFollowSymlinks). */
const terms = {
  sandbox: optional(sandboxContext),
  sandboxPolicy: optional(z.looseObject({ type: z.string() })),
  followSymlinks: optional(z.boolean()),
};
const flag = optional(z.boolean());
const emptyResult = z.looseObject({});

export const readFileParams = z.object({ path: wirePath, ...terms, maxBytes: optional(unsigned) });
export const readFileResult = z.looseObject({ dataBase64: base64Text });

export const writeFileParams = z.object({ path: wirePath, dataBase64: z.string(), ...terms, atomic: flag });
export const writeFileResult = emptyResult;

export const createDirectoryParams = z.object({ path: wirePath, recursive: flag, ...terms });
export const createDirectoryResult = emptyResult;

export const getMetadataParams = z.object({ path: wirePath, ...terms });
export const getMetadataResult = z.looseObject({
  isDirectory: z.boolean(),
  isFile: z.boolean(),
  isSymlink: z.boolean(),
  /** Bytes. Absent on servers up to 0.129, and on ours in front of one. */
  size: unsigned.optional(),
  createdAtMs: z.number(),
  modifiedAtMs: z.number(),
});

export const readDirectoryParams = z.object({ path: wirePath, ...terms });
export const readDirectoryResult = z.looseObject({
  entries: z.array(z.looseObject({ fileName: z.string(), isDirectory: z.boolean(), isFile: z.boolean() })),
});

export const removeParams = z.object({ path: wirePath, recursive: flag, force: flag, ...terms });
export const removeResult = emptyResult;

export const copyParams = z.object({
  sourcePath: wirePath,
  destinationPath: wirePath,
  recursive: z.boolean(),
  ...terms,
});
export const copyResult = emptyResult;

/** Ours (fsRename). */
export const renameParams = z.object({ sourcePath: wirePath, destinationPath: wirePath, overwrite: flag, ...terms });
export const renameResult = emptyResult;

export const canonicalizeParams = z.object({ path: wirePath, ...terms });
export const canonicalizeResult = z.looseObject({ path: wirePath });

export const walkParams = z.object({
  path: wirePath,
  options: optional(
    z.object({
      maxDepth: optional(unsigned),
      maxDirectories: optional(unsigned),
      maxEntries: optional(unsigned),
      followDirectorySymlinks: flag,
      pruneHiddenDirectories: flag,
    }),
  ),
  ...terms,
});
export const walkResult = z.looseObject({
  entries: z.array(z.looseObject({ path: wirePath, kind: z.enum(['file', 'directory']) })),
  errors: z.array(z.looseObject({ path: wirePath, message: z.string() })),
  truncated: z.boolean(),
});

/** `update` is ours (fsOpenUpdate). */
export const openMode = z.enum(['read', 'replace', 'update']);
export const openParams = z.object({ handleId: z.string(), path: wirePath, mode: optional(openMode), ...terms });
export const openResult = z.looseObject({ handleId: z.string() });

export const readBlockParams = z.object({ handleId: z.string(), offset: unsigned, len: unsigned });
export const readBlockResult = z.looseObject({ chunk: base64Text, eof: z.boolean() });

export const writeBlockParams = z.object({ handleId: z.string(), offset: unsigned, chunk: z.string() });
export const writeBlockResult = emptyResult;

export const closeParams = z.object({ handleId: z.string() });
export const closeResult = emptyResult;

/** Ours (fsWatch), as are the two that follow. */
export const watchParams = z.object({ watchId: z.string(), path: wirePath, recursive: flag, ...terms });
/** The path that the changed ones start with. */
export const watchResult = z.looseObject({ path: wirePath });

export const unwatchParams = z.object({ watchId: z.string() });
export const unwatchResult = emptyResult;

/** An error in the place of a result, as JSON-RPC has it. */
const errorObject = z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() });

export const fsChangedNotification = z.looseObject({
  watchId: z.string(),
  /** Each once. Empty with `overflow` or `error`. */
  changedPaths: z.array(wirePath),
  /** More changed than could be kept: look at everything. */
  overflow: z.boolean(),
  /** What is watched cannot be watched any more, because of this. The last that is said of the watch. */
  error: optional(errorObject),
});

/** Each is a method of that name without `fs/`, and its params; the terms stand in the batch. */
const operation = z.discriminatedUnion('op', [
  z.object({ op: z.literal('readFile'), path: wirePath, maxBytes: optional(unsigned) }),
  z.object({ op: z.literal('writeFile'), path: wirePath, dataBase64: z.string(), atomic: flag }),
  z.object({ op: z.literal('createDirectory'), path: wirePath, recursive: flag }),
  z.object({ op: z.literal('getMetadata'), path: wirePath }),
  z.object({ op: z.literal('readDirectory'), path: wirePath }),
  z.object({ op: z.literal('remove'), path: wirePath, recursive: flag, force: flag }),
  z.object({ op: z.literal('copy'), sourcePath: wirePath, destinationPath: wirePath, recursive: flag }),
  z.object({ op: z.literal('rename'), sourcePath: wirePath, destinationPath: wirePath, overwrite: flag }),
]);
export type WireOperation = z.output<typeof operation>;

/** Ours (fsBatch). */
export const batchParams = z.object({
  operations: z.array(operation).max(MAX_BATCH_OPERATIONS, `expected at most ${MAX_BATCH_OPERATIONS} operations`),
  stopOnError: flag,
  ...terms,
});
/** One for each operation, in order. `value`: the result of that method, where it is not empty. */
const operationResult = z.discriminatedUnion('status', [
  z.looseObject({ status: z.literal('ok'), value: z.unknown().optional() }),
  z.looseObject({ status: z.literal('failed'), error: errorObject }),
  z.looseObject({ status: z.literal('skipped') }),
]);
export type WireOperationResult = z.output<typeof operationResult>;
export const batchResult = z.looseObject({ results: z.array(operationResult) });
