import { WireError } from '../../protocol/errors.js';
import { errnoOf } from '../../protocol/os-error.js';
import { connectFailure } from '../../transport/connect-failure.js';
import { type HttpFailure, httpFailed } from '../errors.js';
import { CaCertificateError } from './ca-certificates.js';
import { ProxyError } from './proxy-error.js';
import type { RequestLife } from './request-life.js';

type Meaning = Pick<HttpFailure, 'reason' | 'text'>;

/** What Node threw while a request was under way, as a WireError that says why. */
export function failure(error: unknown, life: RequestLife): WireError {
  // Ending a request destroys its socket, which then complains in words of its own.
  if (life.ended) return life.ended;
  if (error instanceof WireError) return error;
  return httpFailed({ ...meaningOf(error, life), phase: life.phase, url: life.url, cause: error });
}

function meaningOf(error: unknown, life: RequestLife): Meaning {
  if (!(error instanceof Error)) return { reason: 'other', text: String(error) };
  if (error instanceof ProxyError) return { reason: 'proxy', text: error.message };
  if (error instanceof CaCertificateError) return { reason: 'certificate', text: error.message };
  const known = connectFailure(error);
  if (known) return known;
  const code = errnoOf(error) ?? '';
  return byFamily(code, error, life) ?? { reason: 'other', text: messageOf(error) || code || life.phase };
}

/** Codes of OpenSSL's X.509 verification, which have no prefix in common. */
const CERTIFICATE = /CERT|UNABLE_TO_|^CRL_|^INVALID_CA$|^INVALID_PURPOSE$|^PATH_LENGTH_EXCEEDED$|^HOSTNAME_MISMATCH$/;

function byFamily(code: string, error: Error, life: RequestLife): Meaning | undefined {
  if (CERTIFICATE.test(code)) return { reason: 'certificate', text: `${messageOf(error)} (${code})` };
  if (code === 'EPIPE') return { reason: 'connection_reset', text: 'the origin closed the connection' };
  if (code === 'ECONNRESET')
    return { reason: life.phase === 'body' ? 'body_cut_short' : 'connection_reset', text: resetText(error) };
  if (code.startsWith('HPE_')) {
    return { reason: 'malformed_response', text: `the answer is not valid HTTP: ${messageOf(error)} (${code})` };
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return { reason: 'tls', text: `no TLS connection: ${messageOf(error).trim()}` };
  }
  return undefined;
}

/** Node uses the code of a reset for an orderly close too. */
function resetText(error: Error): string {
  if (error.message === 'socket hang up') return 'the origin closed the connection before it answered';
  if (error.message === 'aborted') return 'the origin closed the connection before the end of the body';
  if (/TLS connection was established/.test(error.message)) return 'the origin closed the connection during TLS';
  return 'connection reset by the origin';
}

/** Trying several addresses of a host fails with one error for each, and no text of its own. */
function messageOf(error: Error): string {
  if (error instanceof AggregateError && !error.message) {
    return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join(', ');
  }
  return error.message;
}
