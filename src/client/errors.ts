import { WireError } from '../protocol/errors.js';
import { ConnectionClosedError } from '../rpc/errors.js';

/** The server does not offer what was asked for. Nothing was sent. */
export class UnsupportedByServerError extends Error {
  override readonly name = 'UnsupportedByServerError';
  readonly code = 'unsupported';
  readonly retryable = false;
  readonly mayHaveExecuted = false;

  /** `remedy`: what to do instead, as an imperative. */
  constructor(what: string, remedy: string) {
    super(`this server does not support ${what}: ${remedy}`);
  }
}

/** The session is gone, and its processes with it: it expired, the server restarted, or somebody else took it over. */
export class SessionLostError extends Error {
  override readonly name = 'SessionLostError';
  readonly code = 'session_lost';
  readonly retryable = false;
  /** The request had been sent: the server may have carried it out before the session went. */
  readonly mayHaveExecuted: boolean;
  readonly reason: string;

  constructor(reason: string, mayHaveExecuted: boolean, options?: ErrorOptions) {
    super(`exec-server session lost: ${reason}`, options);
    this.reason = reason;
    this.mayHaveExecuted = mayHaveExecuted;
  }
}

/** The session is there, but the server no longer knows this process. What became of it is not known. */
export class ProcessLostError extends Error {
  override readonly name = 'ProcessLostError';
  readonly code = 'process_lost';
  readonly retryable = false;
  readonly mayHaveExecuted = true;
  readonly processId: string;

  constructor(processId: string, reason: string, options?: ErrorOptions) {
    super(`process ${processId} can no longer be followed: ${reason}`, options);
    this.processId = processId;
  }
}

/** Why a client has ended for good. One object per client: everything that is refused from then on is refused with it. */
export type ClientEndError = ConnectionClosedError | SessionLostError;

/** The same end, for a call that had been sent. */
export function asSent(error: ClientEndError): ClientEndError {
  return error instanceof SessionLostError
    ? new SessionLostError(error.reason, true, { cause: error })
    : new ConnectionClosedError(error.reason, true, { cause: error });
}

// Real peers send no `data.kind`, so for them the message has to tell.

export function isUnknownProcess(error: unknown): error is WireError {
  return error instanceof WireError && (error.kind === 'unknown_process' || /^unknown process id/.test(error.message));
}

export function isProcessExists(error: unknown): error is WireError {
  return error instanceof WireError && (error.kind === 'process_exists' || /already exists$/.test(error.message));
}

export function isUnknownSession(error: unknown): error is WireError {
  return error instanceof WireError && (error.kind === 'unknown_session' || /^unknown session id/.test(error.message));
}

export function isSessionAttached(error: unknown): error is WireError {
  return error instanceof WireError && (error.kind === 'session_attached' || /already attached/.test(error.message));
}
