interface DialErrorOptions extends ErrorOptions {
  status?: number | undefined;
  retryable?: boolean | undefined;
  retryAfterMs?: number | undefined;
}

/** The dial failed before there was a connection; nothing has been sent. */
export class DialError extends Error {
  override readonly name = 'DialError';
  /** HTTP status of a refused upgrade, or of a registry that refused to say where to dial. */
  readonly status: number | undefined;
  /** Another dial may succeed, with nothing changed. Unless said otherwise: it was not refused with 401 or 403. */
  readonly retryable: boolean;
  /** How long whoever refused it asks us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: DialErrorOptions = {}) {
    const { status, retryable, retryAfterMs, ...rest } = options;
    super(message, rest);
    this.status = status;
    this.retryable = retryable ?? (status !== 401 && status !== 403);
    this.retryAfterMs = retryAfterMs;
  }
}
