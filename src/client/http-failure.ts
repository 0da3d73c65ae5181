import { httpFailed } from '../http/errors.js';
import type { HttpFailureReason, HttpPhase } from '../http/types.js';
import { WireError } from '../protocol/errors.js';

/** What of an URL may be shown: no user, password or fragment. */
export function showableUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  url.username = '';
  url.password = '';
  url.hash = '';
  return url.href;
}

/** An error of a real server, which tells neither kind nor cause, as an HTTP client has it. Others as they are. */
export function asHttpFailure(error: WireError, phase: HttpPhase, url: string): WireError {
  if (error.kind !== 'internal' || !REAL_PEERS.test(error.message)) return error;
  const known = httpFailed({ reason: reasonOf(error.message), phase, url, text: '' });
  return new WireError(error.code, error.message, known.data, { cause: error });
}

const REAL_PEERS = /^http\/request failed|^failed to read http\/request|^error decoding response body/;

function reasonOf(message: string): HttpFailureReason {
  if (/timed out/.test(message)) return 'timed_out';
  if (/too many redirects|following redirect/.test(message)) return 'too_many_redirects';
  return 'other';
}
