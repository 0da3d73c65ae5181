import type { Environment } from '../environment/types.js';
import type { EnvironmentPolicy } from '../protocol/process-methods.js';
import type { SandboxContext } from '../protocol/sandbox.js';

/** A place where commands run: any `Environment` is one. */
export type CommandPlace = Pick<Environment, 'id' | 'processes' | 'files' | 'info'>;

/** Where environments are found by id; an `EnvironmentManager` is one. */
export interface Environments {
  /** For whoever names none. May throw. */
  readonly default: CommandPlace;
  /** Throws for an id that is not known. */
  get(id: string): CommandPlace;
}

export interface UnifiedExecManagerOptions {
  /** Where commands run: one place, or several to choose from by `environmentId`. They are not closed with the manager. */
  environments: Environments | CommandPlace;
  /** Where commands run that name no `workdir`, as a path over there. Default: where the executor says it is. */
  cwd?: string | undefined;
  /** Variables on top of those set for agents, which they may override. */
  env?: Readonly<Record<string, string>> | undefined;
  /** How the executor makes the environment of a command from its own. Default: all of it. */
  envPolicy?: EnvironmentPolicy | undefined;
  /** What commands may do, with paths of the place where they run. */
  sandbox?: SandboxContext | ((environment: CommandPlace) => SandboxContext | undefined) | undefined;
  /** What a model gets at most, whatever it asks for. Default 10 000 tokens. */
  maxOutputTokens?: number | undefined;
}

export interface ExecCommandParams {
  /** For the shell. */
  cmd: string;
  /** Absolute, or below the default directory. */
  workdir?: string | undefined;
  /** A name or a path on the executor. Default: the login shell of its user. */
  shell?: string | undefined;
  /** Run it as a login shell. Default true. */
  login?: boolean | undefined;
  /** On a terminal; without, it has no stdin. Default false. */
  tty?: boolean | undefined;
  /** 250 ms to 30 s, default 10 s. */
  yieldTimeMs?: number | undefined;
  maxOutputTokens?: number | undefined;
  environmentId?: string | undefined;
}

export interface WriteStdinParams {
  sessionId: number;
  /** Default '': only wait. */
  chars?: string | undefined;
  /** 250 ms to 30 s, default 250 ms; with nothing to type 5 s to 5 min, default 5 s. */
  yieldTimeMs?: number | undefined;
  maxOutputTokens?: number | undefined;
}

export interface CallOptions {
  /** Ends the call, not the process, with its reason. */
  signal?: AbortSignal | undefined;
}

/** A process that has not been seen to end. */
export interface SessionInfo {
  sessionId: number;
  environmentId: string;
  command: string;
  tty: boolean;
  hasExited: boolean;
}
