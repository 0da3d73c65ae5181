/** The connection ended before the answer came, or before the call could be sent. */
export class ConnectionClosedError extends Error {
  override readonly name = 'ConnectionClosedError';
  readonly code = 'connection_closed';
  readonly retryable = true;
  /** The request had been sent: the other side may have carried it out. */
  readonly mayHaveExecuted: boolean;
  readonly reason: string;

  constructor(reason: string, mayHaveExecuted: boolean, options?: ErrorOptions) {
    super(`exec-server connection closed: ${reason}`, options);
    this.reason = reason;
    this.mayHaveExecuted = mayHaveExecuted;
  }
}

/** No answer within the caller's deadline. If the request had been sent, the other side may still carry it out. */
export class RpcTimeoutError extends Error {
  override readonly name = 'RpcTimeoutError';
  readonly code = 'timeout';
  readonly retryable = true;
  readonly mayHaveExecuted: boolean;

  constructor(method: string, timeoutMs: number, mayHaveExecuted = true) {
    super(`no answer to ${method} within ${timeoutMs} ms`);
    this.mayHaveExecuted = mayHaveExecuted;
  }
}

/** Too many calls are waiting for an answer. Nothing was sent. */
export class TooManyCallsError extends Error {
  override readonly name = 'TooManyCallsError';
  readonly code = 'too_many_calls';
  readonly retryable = true;
  readonly mayHaveExecuted = false;

  constructor(limit: number) {
    super(`${limit} calls are waiting for an answer on this connection: wait for some of them first`);
  }
}
