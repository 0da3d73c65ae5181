import { EnvironmentOperationError, UnifiedExecError } from './unified-exec-error.js';

/** The command was not started, unless `mayHaveExecuted`. */
export class CommandStartError extends EnvironmentOperationError {
  override readonly name = 'CommandStartError';
  readonly code = 'start_failed';

  constructor(what: string, cause: unknown) {
    super(cause, ({ message, retryable, mayHaveExecuted }) => {
      const advice = mayHaveExecuted
        ? 'It may have been started all the same: check what it would have done before running it again.'
        : retryable
          ? 'Nothing was run: try again later.'
          : 'Nothing was run: correct the call before trying again.';
      return `${what} could not be started: ${message}. ${advice}`;
    });
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

/** Typing into a process, or interrupting it, failed. */
export class InputError extends EnvironmentOperationError {
  override readonly name = 'InputError';
  readonly code = 'input_failed';

  constructor(sessionId: number, cause: unknown) {
    super(cause, ({ message, mayHaveExecuted }) => {
      const arrived = mayHaveExecuted ? 'part of it may have arrived' : 'nothing was typed';
      return `input to session ${sessionId} failed, ${arrived}: ${message}`;
    });
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
