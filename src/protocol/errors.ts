/** JSON-RPC error codes in use on this wire. */
export const ErrorCode = {
  /** The message or the state is wrong for this request: not initialized, unknown process, denied by the sandbox. */
  invalidRequest: -32600,
  unknownMethod: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** A file or file handle does not exist. */
  notFound: -32004,
  /** The session is attached to another connection that is alive. Retryable. */
  sessionAttached: -32010,
} as const;

/** Stable names for what went wrong; clients switch on these, never on the message. */
export type ErrorKind =
  | 'invalid_message'
  | 'invalid_request'
  | 'invalid_params'
  | 'unknown_method'
  | 'not_initialized'
  | 'already_initialized'
  | 'unknown_session'
  | 'session_attached'
  | 'session_resumed_elsewhere'
  | 'unknown_process'
  | 'process_exists'
  | 'spawn_failed'
  | 'stdin_full'
  | 'unknown_handle'
  | 'handle_exists'
  | 'watch_exists'
  | 'not_found'
  | 'permission_denied'
  | 'invalid_input'
  | 'io_error'
  | 'too_large'
  | 'http_failed'
  | 'tcp_failed'
  | 'sandbox_denied'
  | 'symlink_refused'
  | 'sandbox_unavailable'
  | 'capability_unavailable'
  | 'unknown_environment'
  | 'no_default_environment'
  | 'environment_closed'
  | 'environment_unreachable'
  | 'limit_reached'
  | 'shutting_down'
  | 'disconnected'
  | 'cancelled'
  | 'internal';

/** What `error.data` carries. Real peers never send it, and ignore it. */
export interface ErrorData {
  kind: ErrorKind;
  /** The same request may succeed later. */
  retryable?: boolean;
  /** The request may have had its effect although it failed. Absent means it did not. */
  mayHaveExecuted?: boolean;
  [detail: string]: unknown;
}

export interface WireErrorObject {
  code: number;
  message: string;
  data?: ErrorData | undefined;
}

/** An error that travels on the wire as a JSON-RPC error object; the other side's answer, or what we answer with. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly code: number;
  readonly data: ErrorData;

  constructor(code: number, message: string, data: ErrorData, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
  }

  get kind(): ErrorKind {
    return this.data.kind;
  }

  toWire(): WireErrorObject {
    return { code: this.code, message: this.message, data: this.data };
  }

  /** Reads what a peer sent; a peer that sends no `data` gets the kind that its code implies. */
  static fromWire(error: { code: number; message: string; data?: unknown }): WireError {
    const data = error.data;
    const kind =
      typeof data === 'object' && data !== null && 'kind' in data && typeof data.kind === 'string'
        ? (data as ErrorData)
        : { kind: kindOfCode(error.code) };
    return new WireError(error.code, error.message, kind);
  }
}

function kindOfCode(code: number): ErrorKind {
  switch (code) {
    case ErrorCode.invalidRequest:
      return 'invalid_request';
    case ErrorCode.unknownMethod:
      return 'unknown_method';
    case ErrorCode.invalidParams:
      return 'invalid_params';
    case ErrorCode.notFound:
      return 'not_found';
    case ErrorCode.sessionAttached:
      return 'session_attached';
    default:
      return 'internal';
  }
}

export function invalidParams(message: string, detail: Record<string, unknown> = {}): WireError {
  return new WireError(ErrorCode.invalidParams, message, { kind: 'invalid_params', ...detail });
}

export function invalidRequest(kind: ErrorKind, message: string, detail: Record<string, unknown> = {}): WireError {
  return new WireError(ErrorCode.invalidRequest, message, { ...detail, kind });
}

export function internalError(kind: ErrorKind, message: string, detail: Record<string, unknown> = {}): WireError {
  return new WireError(ErrorCode.internal, message, { ...detail, kind });
}

/**
 * Turns whatever a handler threw into what goes on the wire. Our local errors say what they are by `code`, `retryable` and
 * `mayHaveExecuted`, which a client further out wants to know too. Others keep their message, never their stack.
 */
export function toWireError(error: unknown): WireError {
  if (error instanceof WireError) return error;
  if (!(error instanceof Error)) return internalError('internal', String(error));
  const { code, retryable, mayHaveExecuted } = error as Error & Record<string, unknown>;
  if (code === 'unsupported') {
    return new WireError(ErrorCode.unknownMethod, error.message, { kind: 'capability_unavailable' }, { cause: error });
  }
  const kind = DISCONNECTED.has(String(code)) ? 'disconnected' : 'internal';
  return new WireError(
    ErrorCode.internal,
    error.message,
    {
      kind,
      ...(typeof retryable === 'boolean' ? { retryable } : {}),
      ...(typeof mayHaveExecuted === 'boolean' ? { mayHaveExecuted } : {}),
    },
    { cause: error },
  );
}

/** Codes of local errors that mean: the server behind this one is out of reach. */
const DISCONNECTED = new Set([
  'connection_closed',
  'session_lost',
  'process_lost',
  'timeout',
  'environment_unreachable',
]);
