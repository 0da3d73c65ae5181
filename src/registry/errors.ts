/** A registry refused, could not be reached, or answered what the contract does not know. Never quotes a token or a signed URL. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  /** The registry's own code (contract.ts has ours), or `unreachable`, `invalid_answer`, `http_STATUS`. */
  readonly code: string;
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  /** The same request may succeed later, with nothing changed: 409, 429, 5xx, no answer. */
  readonly retryable: boolean;
  /** How long the registry asked us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    {
      code,
      status,
      retryable,
      retryAfterMs,
      ...options
    }: ErrorOptions & {
      code: string;
      status?: number | undefined;
      retryable: boolean;
      retryAfterMs?: number | undefined;
    },
  ) {
    super(message, options);
    this.code = code;
    this.status = status;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }

  /** Other credentials may help, and nothing else. */
  get isUnauthorized(): boolean {
    return this.status === 401 || this.status === 403;
  }
}
