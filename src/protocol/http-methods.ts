import { z } from 'zod';
import { base64Text, optional, unsigned } from './fields.js';

export const httpHeader = z.looseObject({ name: z.string(), value: z.string() });

export const httpRequestParams = z.object({
  method: z.string(),
  url: z.string(),
  headers: z.array(httpHeader).default([]),
  bodyBase64: optional(base64Text),
  timeoutMs: optional(unsigned),
  requestId: z.string(),
  streamResponse: z.boolean().optional(),
});
export const httpRequestResult = z.looseObject({
  status: unsigned,
  headers: z.array(httpHeader),
  bodyBase64: base64Text,
});
