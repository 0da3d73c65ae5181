import { z } from 'zod';
import { PathError, parsePath } from './paths.js';

/** An absolute path or `file:` URI as a peer wrote it; checked here, read with `parsePath`. */
export const wirePath = z.string().superRefine((value, context) => {
  try {
    parsePath(value);
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

/** A non-negative integer. Values above 2^53 (real clients send u64::MAX for "no limit") lose exactness, not meaning. */
export const unsigned = z.number().refine((n) => Number.isInteger(n) && n >= 0, 'expected a non-negative integer');

/** Base64 text, decoded with `decodeBase64`. */
export const base64Text = z.string();

/** Rust peers send null where a field is absent. */
export const optional = <T extends z.ZodType>(schema: T) => schema.nullish();

/** Where and under which policy a file or process request runs. Checked as a whole, and read, by `parseSandbox`. */
export const sandboxContext = z.looseObject({
  permissions: z.unknown(),
  cwd: optional(z.string()),
});
