import { z } from 'zod';
import { base64Text, optional, unsigned } from './fields.js';

export const httpHeader = z.object({ name: z.string(), value: z.string() });

const headerFields = z.object({ name: z.string(), value: z.string(), valueEnvVar: optional(z.string()) });

/** Also `[name, value]`, as the real peers take it. */
const requestHeader = z.union([
  headerFields,
  z.tuple([z.string(), z.string()]).transform(([name, value]) => ({ name, value, valueEnvVar: undefined })),
]);

export const httpRequestParams = z.object({
  method: z.string(),
  url: z.string(),
  headers: z.array(requestHeader).default([]),
  bodyBase64: optional(base64Text),
  /** Until the last byte of the body. Absent: no limit. 0 is refused: the real peers read it in opposite ways. */
  timeoutMs: optional(unsigned),
  /** Chosen by the client. Unique among those with `streamResponse` whose body has not ended. */
  requestId: z.string(),
  /** The body follows the answer, as http/request/bodyDelta. */
  streamResponse: z.boolean().default(false),
  /** Not null: the newest real server refuses that, and older ones do not know it. */
  redirectPolicy: z.enum(['follow', 'stop']).optional(),
  /** Bytes of the body that may be sent before http/request/credit allows more. Absent: all of it. */
  creditBytes: optional(unsigned),
  /** The request's body follows, as http/request/bodyChunk; only with `streamResponse`. */
  streamRequest: optional(z.boolean()),
  /** Header lines of the answer as they came, not grouped by name, values beyond ASCII too; and `errorData`. */
  details: optional(z.boolean()),
});

export const httpRequestResult = z.looseObject({
  status: unsigned,
  /** Ours: the reason phrase. */
  statusText: optional(z.string()),
  headers: z.array(httpHeader),
  bodyBase64: base64Text,
});

export const httpCancelParams = z.object({ requestId: z.string() });

export const httpCreditParams = z.object({ requestId: z.string(), bytes: unsigned });

export const httpBodyChunkParams = z.object({
  requestId: z.string(),
  /** From 1. */
  seq: unsigned,
  deltaBase64: base64Text,
  /** It is the last one. */
  done: z.boolean().default(false),
});
/** `accepted: false`: nobody wants the rest of the body; the request itself says why. */
export const httpBodyChunkResult = z.looseObject({ accepted: z.boolean() });

/** A piece of a body. The last one is empty and has `done`, and `error` when the body did not come to its end. */
export const httpBodyDeltaNotification = z.looseObject({
  requestId: z.string(),
  /** From 1, without gaps. */
  seq: unsigned,
  deltaBase64: base64Text,
  done: z.boolean().default(false),
  error: optional(z.string()),
  /** Ours, with `error` where `details` was asked for: what `data` is in the error of an answer, and the message that says why. */
  errorData: optional(z.looseObject({ kind: z.string(), message: z.string() })),
});
