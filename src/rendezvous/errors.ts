import { type RegistryErrorCode, registryErrorStatus } from '../registry/contract.js';

/** What the rendezvous has against a request. The message goes to whoever asked, and never holds a secret. */
export class RendezvousError extends Error {
  override readonly name = 'RendezvousError';
  readonly code: RegistryErrorCode;
  /** How long to wait before asking again; undefined: asking again is no use, or any time will do. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: RegistryErrorCode,
    message: string,
    { retryAfterMs, ...options }: ErrorOptions & { retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  get status(): number {
    return registryErrorStatus[this.code];
  }
}
