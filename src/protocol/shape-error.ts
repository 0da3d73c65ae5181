import type { z } from 'zod';
import { invalidParams, type WireError } from './errors.js';

/** Reads `value` by the shape. Throws a WireError that says where under `at` what was expected, and what came. */
export function readShape<T extends z.ZodType>(shape: T, value: unknown, at: string): z.output<T> {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw shapeError(parsed.error, value, at);
}

function shapeError(error: z.ZodError, value: unknown, at: string): WireError {
  const issue = error.issues[0];
  if (!issue) return invalidParams(`\`${at}\` does not fit`);
  const place = [at, ...issue.path.map(String)].join('.');
  const came = issue.path.reduce<unknown>((v, key) => (v as Record<PropertyKey, unknown> | null)?.[key], value);
  if (came === undefined) return invalidParams(`missing field \`${place}\``);
  const expected = issue.message.replace(/^Invalid (input|option): /, '').replace(/, received .*$/, '');
  return invalidParams(`\`${place}\`: ${expected}, got ${shortJson(came)}`);
}

function shortJson(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 120 ? `${json.slice(0, 120)}…` : json;
}
