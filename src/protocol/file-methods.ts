import { z } from 'zod';
import { base64Text, optional, sandboxContext, unsigned, wirePath } from './fields.js';

const sandbox = optional(sandboxContext);
/** The shape of older clients. */
const sandboxPolicy = optional(z.looseObject({ type: z.string() }));
const emptyResult = z.looseObject({});

export const readFileParams = z.object({ path: wirePath, sandbox, sandboxPolicy });
export const readFileResult = z.looseObject({ dataBase64: base64Text });

export const writeFileParams = z.object({ path: wirePath, dataBase64: z.string(), sandbox, sandboxPolicy });
export const writeFileResult = emptyResult;

export const createDirectoryParams = z.object({
  path: wirePath,
  recursive: optional(z.boolean()),
  sandbox,
  sandboxPolicy,
});
export const createDirectoryResult = emptyResult;

export const getMetadataParams = z.object({ path: wirePath, sandbox, sandboxPolicy });
export const getMetadataResult = z.looseObject({
  isDirectory: z.boolean(),
  isFile: z.boolean(),
  isSymlink: z.boolean(),
  /** Bytes. Absent on servers up to 0.129. */
  size: unsigned.optional(),
  createdAtMs: z.number(),
  modifiedAtMs: z.number(),
});

export const readDirectoryParams = z.object({ path: wirePath, sandbox, sandboxPolicy });
export const readDirectoryResult = z.looseObject({
  entries: z.array(z.looseObject({ fileName: z.string(), isDirectory: z.boolean(), isFile: z.boolean() })),
});

export const removeParams = z.object({
  path: wirePath,
  recursive: optional(z.boolean()),
  force: optional(z.boolean()),
  sandbox,
  sandboxPolicy,
});
export const removeResult = emptyResult;

export const copyParams = z.object({
  sourcePath: wirePath,
  destinationPath: wirePath,
  recursive: z.boolean(),
  sandbox,
  sandboxPolicy,
});
export const copyResult = emptyResult;
