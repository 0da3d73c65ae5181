/** What a call of the tools can fail with. Each message is a sentence for the model: what is wrong, and what to do. */
abstract class UnifiedExecError extends Error {
  abstract readonly code: string;
  /** The same call may succeed later, without anything being changed first. */
  readonly retryable: boolean = false;
  /** The command, or the input, may have had its effect all the same. */
  readonly mayHaveExecuted: boolean = false;
}

export type { UnifiedExecError };

export function isUnifiedExecError(error: unknown): error is UnifiedExecError {
  return error instanceof UnifiedExecError;
}

/** The command was not started, unless `mayHaveExecuted`. `cause` is what the environment says. */
export class CommandStartError extends UnifiedExecError {
  override readonly name = 'CommandStartError';
  readonly code = 'start_failed';
  override readonly retryable: boolean;
  override readonly mayHaveExecuted: boolean;

  constructor(what: string, cause: unknown) {
    const { message, retryable, mayHaveExecuted } = describe(cause);
    const advice = mayHaveExecuted
      ? 'It may have been started all the same: check what it would have done before running it again.'
      : retryable
        ? 'Nothing was run: try again later.'
        : 'Nothing was run: correct the call before trying again.';
    super(`${what} could not be started: ${message}. ${advice}`, { cause });
    this.retryable = retryable;
    this.mayHaveExecuted = mayHaveExecuted;
  }
}

/** There is no such session, or no longer. */
export class UnknownSessionError extends UnifiedExecError {
  override readonly name = 'UnknownSessionError';
  readonly code = 'unknown_session';
  readonly sessionId: number;

  /** `ended`: what became of it, if it was one. */
  constructor(sessionId: number, ended: string | undefined) {
    const why = ended ?? 'use a session ID that exec_command returned';
    super(`Unknown process id ${sessionId}: ${why}`);
    this.sessionId = sessionId;
  }
}

/** The process reads nothing. */
export class NoStdinError extends UnifiedExecError {
  override readonly name = 'NoStdinError';
  readonly code = 'stdin_closed';

  constructor() {
    super('stdin is closed for this session; rerun exec_command with tty=true to keep stdin open');
  }
}

/** Typing into a process, or interrupting it, failed. `cause` is what the environment says. */
export class InputError extends UnifiedExecError {
  override readonly name = 'InputError';
  readonly code = 'input_failed';
  override readonly retryable: boolean;
  override readonly mayHaveExecuted: boolean;

  constructor(sessionId: number, cause: unknown) {
    const { message, retryable, mayHaveExecuted } = describe(cause);
    const advice = mayHaveExecuted ? 'part of it may have arrived' : 'nothing was typed';
    super(`input to session ${sessionId} failed, ${advice}: ${message}`, { cause });
    this.retryable = retryable;
    this.mayHaveExecuted = mayHaveExecuted;
  }
}

export class ManagerClosedError extends UnifiedExecError {
  override readonly name = 'ManagerClosedError';
  readonly code = 'manager_closed';

  constructor() {
    super('all processes have been ended and no more are started: this agent is being shut down');
  }
}

/** Arguments that do not fit the schema of a tool. */
export class ToolArgumentsError extends UnifiedExecError {
  override readonly name = 'ToolArgumentsError';
  readonly code = 'invalid_arguments';

  constructor(problem: string) {
    super(`failed to parse function arguments: ${problem}`);
  }
}

/** What errors of ours, local or from the wire, say of themselves. */
function describe(error: unknown): { message: string; retryable: boolean; mayHaveExecuted: boolean } {
  if (!(error instanceof Error)) return { message: String(error), retryable: false, mayHaveExecuted: false };
  const data = (error as { data?: { retryable?: unknown; mayHaveExecuted?: unknown } }).data;
  const own = error as { retryable?: unknown; mayHaveExecuted?: unknown };
  return {
    message: error.message.replace(/\.$/, ''),
    retryable: (own.retryable ?? data?.retryable) === true,
    mayHaveExecuted: (own.mayHaveExecuted ?? data?.mayHaveExecuted) === true,
  };
}
