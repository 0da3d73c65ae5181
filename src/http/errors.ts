import { ErrorCode, type ErrorData, WireError } from '../protocol/errors.js';
import type { HttpFailureReason, HttpPhase } from './types.js';

export interface HttpFailure {
  reason: HttpFailureReason;
  phase: HttpPhase;
  /** As it may be shown: without user and password. */
  url: string;
  /** What happened, as the end of a sentence. */
  text: string;
  cause?: unknown;
}

/** A request that did not get its answer. The start of the message is the real peers'; they leave out why. */
export function httpFailed(failure: HttpFailure): WireError {
  const { reason, phase, url, text, cause } = failure;
  const data: ErrorData = {
    kind: 'http_failed',
    reason,
    phase,
    ...(phase === 'connect' ? {} : { mayHaveExecuted: true }),
  };
  return new WireError(ErrorCode.internal, `${startOf(failure)}: ${text}`, { ...data, url }, { cause });
}

/** The request was given up on this side. */
export function httpCancelled(text: string, cause?: unknown): WireError {
  // It may have been on its way; who gives up does not wait to learn.
  const data: ErrorData = { kind: 'cancelled', mayHaveExecuted: true };
  return new WireError(ErrorCode.internal, `http/request ${text}`, data, { cause });
}

export function bodyTooLarge(maxBytes: number): WireError {
  const message = `http/request failed: the response body is larger than ${maxBytes} bytes; stream it, or allow more`;
  return new WireError(ErrorCode.internal, message, { kind: 'too_large', limitBytes: maxBytes, mayHaveExecuted: true });
}

function startOf({ reason, phase, url }: HttpFailure): string {
  if (phase === 'body') return `failed to read http/request response body from ${url}`;
  if (reason === 'too_many_redirects') return 'http/request failed: too many redirects';
  return `http/request failed: error sending request for url (${url})`;
}
