import { z } from 'zod';
import { ErrorCode, internalError, invalidParams, WireError } from './errors.js';
import { type MethodName, methods, type ParamsOf, type ResultOf } from './methods.js';

/** Reads the params of a request: an object, or a positional array in the order of the schema's fields. */
export function validateParams<M extends MethodName>(method: M, params: unknown): ParamsOf<M> {
  const schema: z.ZodType = methods[method].params;
  const named = Array.isArray(params) ? byPosition(schema, params) : params;
  const parsed = schema.safeParse(named);
  if (parsed.success) return parsed.data as ParamsOf<M>;
  throw invalidParams(`invalid params of ${method}: ${describe(parsed.error, named)}`);
}

/** Reads an answer of a peer; one that does not fit is the peer's fault and says so. */
export function validateResult<M extends MethodName>(method: M, result: unknown): ResultOf<M> {
  const parsed = (methods[method].result as z.ZodType).safeParse(result);
  if (parsed.success) return parsed.data as ResultOf<M>;
  throw new WireError(
    ErrorCode.internal,
    `the server's answer to ${method} does not fit the protocol: ${describe(parsed.error, result)}`,
    { kind: 'internal', mayHaveExecuted: true },
  );
}

function byPosition(schema: z.ZodType, values: unknown[]): unknown {
  if (!(schema instanceof z.ZodObject)) return values;
  const names = Object.keys(schema.shape);
  if (values.length > names.length) {
    throw invalidParams(`invalid length ${values.length}: expected at most ${names.length} positional params`);
  }
  return Object.fromEntries(values.map((value, i) => [names[i], value]));
}

function describe(error: z.ZodError, value: unknown): string {
  const issue = error.issues[0];
  if (!issue) throw internalError('internal', 'a validation failed without an issue');
  const at = issue.path.map(String).join('.');
  const present =
    at === '' || issue.path.reduce<unknown>((v, key) => (v as Record<PropertyKey, unknown>)?.[key], value);
  if (present === undefined) return `missing field \`${at}\``;
  const text = issue.message.replace(/^Invalid (input|option): /, '');
  return at === '' ? text : `\`${at}\`: ${text}`;
}
