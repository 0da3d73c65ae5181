import { randomUUID } from 'node:crypto';
import { type ExecProcess, processId } from '../process/types.js';
import { AGENT_ENVIRONMENT, DEFAULT_ENVIRONMENT_POLICY } from './agent-environment.js';
import { type CommandResult, takeResult } from './command-result.js';
import { CommandStartError, ManagerClosedError, UnknownSessionError } from './errors.js';
import { type ExecutorHost, executorHost, resolveWorkdir, shellCommand } from './executor-host.js';
import { DEFAULT_MAX_OUTPUT_TOKENS, MAX_PROCESSES, PROTECTED_PROCESSES, WARNING_PROCESSES } from './limits.js';
import { chooseToEnd, inTurn, type Session } from './session.js';
import { SessionTable } from './session-table.js';
import { typeInto } from './type-into.js';
import type {
  CallOptions,
  CommandPlace,
  ExecCommandParams,
  SessionInfo,
  UnifiedExecManagerOptions,
  WriteStdinParams,
} from './types.js';
import { UnifiedExecProcess } from './unified-exec-process.js';
import { unlessAborted } from './unless-aborted.js';
import { clamp, execYieldTime, writeYieldTime } from './yield-time.js';

/** The processes of one agent: started by `execCommand`, typed into and waited for by `writeStdin`. */
export class UnifiedExecManager implements AsyncDisposable {
  readonly #options: UnifiedExecManagerOptions;
  readonly #sessions = new SessionTable();
  readonly #hosts = new WeakMap<CommandPlace, Promise<ExecutorHost>>();
  /** Starts and ends whose outcome is not known yet. */
  readonly #pending = new Set<Promise<unknown>>();
  #calls = 0;
  #closing: Promise<void> | undefined;

  constructor(options: UnifiedExecManagerOptions) {
    this.#options = options;
  }

  /**
   * Starts a command, and resolves when it has ended with all its output, or `yieldTimeMs` have passed. Rejects with
   * CommandStartError, ManagerClosedError, or the reason of `signal`.
   */
  async execCommand(params: ExecCommandParams, { signal }: CallOptions = {}): Promise<CommandResult> {
    signal?.throwIfAborted();
    const startedAt = performance.now();
    const starting = this.#track(this.#start(params));
    // Of a call that is cancelled the start goes on, and what it starts can be found in `list`.
    const session = await unlessAborted(starting, signal);
    const yieldMs = execYieldTime(params.yieldTimeMs);
    return inTurn(session, signal, async () => {
      // The time to yield counts from the start of the command, not from that of a connection.
      await session.process.settle(performance.now() + yieldMs, signal);
      return this.#result(session, startedAt, params.maxOutputTokens);
    });
  }

  /**
   * Types into a process, or only waits for it. Calls on one session take their turns. Rejects with UnknownSessionError,
   * NoStdinError, InputError, or the reason of `signal`.
   */
  async writeStdin(params: WriteStdinParams, { signal }: CallOptions = {}): Promise<CommandResult> {
    signal?.throwIfAborted();
    const { sessionId, chars = '' } = params;
    const session = this.#session(sessionId);
    return inTurn(session, signal, async () => {
      if (this.#sessions.get(sessionId) !== session) throw this.#unknown(sessionId);
      const startedAt = performance.now();
      session.lastUsed = ++this.#calls;
      const deadline = startedAt + writeYieldTime(chars, params.yieldTimeMs);
      const typed = chars === '' || (await typeInto(session, chars, deadline, signal));
      await session.process.settle(deadline, signal);
      return this.#result(session, startedAt, params.maxOutputTokens, typed ? null : NOT_READ_YET);
    });
  }

  /** The processes that can be come back to, the most recently used first. */
  list(): SessionInfo[] {
    const byUse = this.#sessions.all().sort((a, b) => b.lastUsed - a.lastUsed);
    return byUse.map(({ id, environmentId, command, process }) => ({
      sessionId: id,
      environmentId,
      command,
      tty: process.tty,
      hasExited: process.state.hasExited,
    }));
  }

  /** Ends a process, and all that it started. Rejects with UnknownSessionError. */
  async terminate(sessionId: number): Promise<void> {
    await this.#end(this.#session(sessionId), 'it was ended by the user');
  }

  /** Ends all processes, also those that are being started. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const endAll = () => Promise.all(this.#sessions.all().map((session) => this.#end(session, 'all were ended')));
    await endAll();
    // A start that was under way ends what it has started by itself.
    await Promise.allSettled(this.#pending);
  }

  async #start(params: ExecCommandParams): Promise<Session> {
    if (this.#closing) throw new ManagerClosedError();
    this.#makeRoom();
    const id = this.#sessions.reserve();
    try {
      const { environment, process } = await this.#startProcess(id, params);
      const session: Session = {
        id,
        environmentId: environment.id,
        command: params.cmd,
        process: new UnifiedExecProcess(process, { tty: params.tty === true }),
        lastUsed: ++this.#calls,
        users: 0,
        turn: Promise.resolve(),
      };
      this.#sessions.add(session);
      if (!this.#closing) return session;
      await this.#end(session, 'all were ended');
      throw new ManagerClosedError();
    } finally {
      this.#sessions.abandon(id);
    }
  }

  async #startProcess(
    id: number,
    params: ExecCommandParams,
  ): Promise<{ environment: CommandPlace; process: ExecProcess }> {
    const { env, envPolicy = DEFAULT_ENVIRONMENT_POLICY, sandbox, cwd } = this.#options;
    let what = `\`${brief(params.cmd)}\``;
    try {
      const environment = this.#environment(params.environmentId);
      const host = await this.#host(environment);
      const shell = params.shell ?? host.shell;
      const directory = resolveWorkdir(cwd ?? host.cwd, params.workdir);
      what += ` with the shell ${shell} in ${directory}`;
      const process = await environment.processes.start({
        processId: processId(`${id}-${randomUUID()}`),
        argv: shellCommand(shell, params.cmd, params.login ?? true),
        cwd: directory,
        env: { ...AGENT_ENVIRONMENT, ...env },
        envPolicy,
        tty: params.tty === true,
        sandbox: typeof sandbox === 'function' ? sandbox(environment) : sandbox,
      });
      return { environment, process };
    } catch (error) {
      throw new CommandStartError(what, error);
    }
  }

  #environment(id: string | undefined): CommandPlace {
    const { environments } = this.#options;
    if (!('processes' in environments)) return id === undefined ? environments.default : environments.get(id);
    if (id === undefined || id === environments.id) return environments;
    throw new Error(`unknown environment \`${id}\`: there is only \`${environments.id}\``);
  }

  #host(environment: CommandPlace): Promise<ExecutorHost> {
    const known = this.#hosts.get(environment);
    if (known) return known;
    const asked = executorHost(environment);
    this.#hosts.set(environment, asked);
    asked.catch(() => this.#hosts.delete(environment)); // whoever asked is told; the next one asks anew
    return asked;
  }

  /** Ends one of the processes when there are as many as may be. All in use: there may be more for a while. */
  #makeRoom(): void {
    if (this.#sessions.claimed < MAX_PROCESSES) return;
    const session = chooseToEnd(this.#sessions.all(), PROTECTED_PROCESSES);
    if (!session) return;
    void this.#track(
      this.#end(session, `it was ended to make room, as only ${MAX_PROCESSES} processes are kept: run it again`),
    );
  }

  #result(
    session: Session,
    startedAt: number,
    maxOutputTokens = DEFAULT_MAX_OUTPUT_TOKENS,
    warning: string | null = null,
  ): CommandResult {
    const ceiling = this.#options.maxOutputTokens ?? DEFAULT_MAX_OUTPUT_TOKENS;
    const result = takeResult(session.process, {
      sessionId: session.id,
      startedAt,
      maxOutputTokens: clamp(Math.floor(maxOutputTokens), 0, ceiling),
      warning: warning ?? (session.process.ended ? null : this.#crowdWarning()),
    });
    if (session.process.ended) this.#forget(session, howItEnded(result));
    return result;
  }

  #crowdWarning(): string | null {
    const { size } = this.#sessions;
    if (size < WARNING_PROCESSES) return null;
    return (
      `The maximum number of unified exec processes you can keep open is ${WARNING_PROCESSES} and you currently have ` +
      `${size} processes open. Reuse older processes or close them to prevent automatic pruning of old processes`
    );
  }

  #session(id: number): Session {
    const session = this.#sessions.get(id);
    if (!session) throw this.#unknown(id);
    return session;
  }

  #unknown(id: number): UnknownSessionError {
    return new UnknownSessionError(id, this.#sessions.howEnded(id));
  }

  async #end(session: Session, how: string): Promise<void> {
    this.#sessions.remove(session.id, how);
    try {
      await session.process.process.terminate();
    } catch {
      // Out of reach, or gone already: the server ends it with the session.
    }
    await session.process.settle(performance.now() + END_WAIT_MS);
    session.process.release();
  }

  #forget(session: Session, how: string): void {
    this.#sessions.remove(session.id, how);
    session.process.release();
  }

  #track<T>(promise: Promise<T>): Promise<T> {
    this.#pending.add(promise);
    const done = () => this.#pending.delete(promise);
    promise.then(done, done);
    return promise;
  }
}

/** How long a process that is being ended may take; killed ones are gone at once, unless the connection is. */
const END_WAIT_MS = 5_000;

const NOT_READ_YET = 'the process has not read all of the input yet; it gets the rest when it does';

function howItEnded({ exitCode, failure }: CommandResult): string {
  if (failure !== null) return `the connection to it was lost: ${failure}`;
  return `it has exited${exitCode === null ? '' : ` with code ${exitCode}`}, and all of its output was returned`;
}

function brief(command: string): string {
  return command.length > 80 ? `${command.slice(0, 80)}…` : command;
}
