/** What a call of the tools can fail with. Each message is a sentence for the model: what is wrong, and what to do. */
export abstract class UnifiedExecError extends Error {
  abstract readonly code: string;
  /** The same call may succeed later, without anything being changed first. */
  readonly retryable: boolean = false;
  /** The command, or the input, may have had its effect all the same. */
  readonly mayHaveExecuted: boolean = false;
}

export function isUnifiedExecError(error: unknown): error is UnifiedExecError {
  return error instanceof UnifiedExecError;
}

/** What errors of ours, local or from the wire, say of themselves. */
export interface Failure {
  /** Without a full stop. */
  message: string;
  retryable: boolean;
  mayHaveExecuted: boolean;
}

/** An operation of the environment failed. `cause` is what it says. */
export abstract class EnvironmentOperationError extends UnifiedExecError {
  override readonly retryable: boolean;
  override readonly mayHaveExecuted: boolean;

  constructor(cause: unknown, tell: (failure: Failure) => string) {
    const failure = describeFailure(cause);
    super(tell(failure), { cause });
    this.retryable = failure.retryable;
    this.mayHaveExecuted = failure.mayHaveExecuted;
  }
}

export function describeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error), retryable: false, mayHaveExecuted: false };
  const data = (error as { data?: { retryable?: unknown; mayHaveExecuted?: unknown } }).data;
  const own = error as { retryable?: unknown; mayHaveExecuted?: unknown };
  return {
    message: error.message.replace(/\.$/, ''),
    retryable: (own.retryable ?? data?.retryable) === true,
    mayHaveExecuted: (own.mayHaveExecuted ?? data?.mayHaveExecuted) === true,
  };
}
