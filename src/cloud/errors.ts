/** The executor cannot be registered, and trying again is no use. The cause says why; no message holds a secret. */
export class RegistrationFailedError extends Error {
  override readonly name = 'RegistrationFailedError';
  readonly code = 'registration_failed';
  readonly retryable = false;

  /** `refusals`: how often in a row the credentials were refused. */
  constructor(cause: Error, refusals = 0) {
    const often = refusals === 0 ? '' : ` (${refusals} times in a row: new credentials are needed)`;
    super(`cannot register with the cloud: ${cause.message}${often}`, { cause });
  }
}

/** An option of `serveCloud` that cannot be. */
export class CloudOptionError extends Error {
  override readonly name = 'CloudOptionError';
  readonly code = 'invalid_option';
  readonly option: 'baseUrl' | 'environmentId' | 'labels';

  constructor(option: CloudOptionError['option'], problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.option = option;
  }
}
