import { DialError } from '../transport/dial-error.js';

/** What the environments themselves have to say; what goes wrong inside one comes as it is. */
abstract class EnvironmentError extends Error {
  abstract readonly code: string;
  /** The same may succeed later, without anything being changed first. */
  readonly retryable: boolean = false;
  readonly mayHaveExecuted = false;
}

/** A configuration says something that cannot be. Never quotes a value: any of them may be a secret in the wrong place. */
export class EnvironmentConfigError extends EnvironmentError {
  override readonly name = 'EnvironmentConfigError';
  readonly code = 'invalid_environment_config';
  /** What was read: a file, an environment variable, or `environment specification`. */
  readonly source: string;
  /** In the file, from 1. */
  readonly line: number | undefined;
  /** Such as `environments[1].url`. */
  readonly key: string | undefined;

  constructor(
    source: string,
    problem: string,
    { line, key, ...options }: ErrorOptions & { line?: number | undefined; key?: string | undefined } = {},
  ) {
    super(`${source}${line === undefined ? '' : `:${line}`}: ${key ? `\`${key}\`: ` : ''}${problem}`, options);
    this.source = source;
    this.line = line;
    this.key = key;
  }
}

export class UnknownEnvironmentError extends EnvironmentError {
  override readonly name = 'UnknownEnvironmentError';
  readonly code = 'unknown_environment';
  readonly environmentId: string;
  readonly knownIds: readonly string[];

  constructor(environmentId: string, knownIds: readonly string[]) {
    const known = knownIds.length === 0 ? 'there are none' : `known are ${quoted(knownIds)}`;
    super(`unknown environment \`${environmentId}\`: ${known}`);
    this.environmentId = environmentId;
    this.knownIds = knownIds;
  }
}

/** There is no environment for whoever names none: that is how access is switched off. */
export class NoDefaultEnvironmentError extends EnvironmentError {
  override readonly name = 'NoDefaultEnvironmentError';
  readonly code = 'no_default_environment';
  readonly knownIds: readonly string[];

  constructor(why: string, knownIds: readonly string[]) {
    super(`no default environment: ${why}${knownIds.length === 0 ? '' : `; name one of ${quoted(knownIds)}`}`);
    this.knownIds = knownIds;
  }
}

export class EnvironmentExistsError extends EnvironmentError {
  override readonly name = 'EnvironmentExistsError';
  readonly code = 'environment_exists';
  readonly environmentId: string;

  constructor(environmentId: string) {
    super(`there is an environment \`${environmentId}\` already: replace it, or choose another id`);
    this.environmentId = environmentId;
  }
}

/** It was closed, removed or replaced; nothing was sent. */
export class EnvironmentClosedError extends EnvironmentError {
  override readonly name = 'EnvironmentClosedError';
  readonly code = 'environment_closed';

  constructor(what: string) {
    super(`${what} has been closed`);
  }
}

/** No connection could be made, so nothing was sent. The next use tries again. `cause` is what the client says. */
export class EnvironmentConnectError extends EnvironmentError {
  override readonly name = 'EnvironmentConnectError';
  readonly code = 'environment_unreachable';
  /** False when it would be refused again: the registry knows no such environment, or not this token. */
  override readonly retryable: boolean;
  readonly environmentId: string;
  /** The message of the cause. */
  readonly reason: string;

  constructor(environmentId: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`environment \`${environmentId}\` could not be reached: ${reason}`, { cause });
    this.retryable = !(cause instanceof DialError) || cause.retryable;
    this.environmentId = environmentId;
    this.reason = reason;
  }
}

function quoted(ids: readonly string[]): string {
  return ids.map((id) => `\`${id}\``).join(', ');
}
