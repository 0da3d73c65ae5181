/** The dial failed before there was a connection; nothing has been sent. */
export class DialError extends Error {
  override readonly name = 'DialError';
  /** HTTP status of a refused upgrade. */
  readonly status: number | undefined;

  constructor(message: string, options: ErrorOptions & { status?: number } = {}) {
    super(message, options);
    this.status = options.status;
  }
}
