import { constants as os } from 'node:os';
import type { ReadOptions, ReadResult } from '../../event-log/events.js';
import { ProcessLog, type SubscribeOptions } from '../../event-log/process-log.js';
import type { RetentionBudget } from '../../event-log/retention-budget.js';
import type { Subscription } from '../../event-log/subscription.js';
import { invalidParams, invalidRequest } from '../../protocol/errors.js';
import type { TerminalSize, WriteStatus } from '../../protocol/process-methods.js';
import type { ExecProcess, ProcessId, ProcessInfo, StartParams, TerminateOptions, WriteOptions } from '../types.js';
import type { Child, ExitStatus } from './child.js';
import { DEFAULT_GRACE_MS, OUTPUT_AFTER_KILL_MS, REMEMBERED_WRITE_IDS, STDIN_MAX_BYTES } from './limits.js';
import { foregroundGroupOf, relativesOf, type Sighting, sendSignal, sendSignalTo } from './process-tree.js';
import type { DenialGuess } from './sandbox/denial.js';

export interface LocalProcessOptions {
  budget: RetentionBudget;
  retainedBytes?: number | undefined;
  /** Only for a process that runs in a sandbox. */
  sandboxed?: Sandboxed | undefined;
  /** The leader has ended and its output too. */
  onClosed(process: LocalProcess): void;
}

export interface Sandboxed {
  /** The program's own pid and process group. Undefined where it could not be learnt: signals then go to its sandbox. */
  programPid: number | undefined;
  denial: DenialGuess;
}

/** A child of this process. */
export class LocalProcess implements ExecProcess {
  readonly processId: ProcessId;
  readonly pid: number;
  readonly #params: StartParams;
  readonly #child: Child;
  readonly #sandboxed: Sandboxed | undefined;
  readonly #log: ProcessLog;
  readonly #startedAtMs = Date.now();
  readonly #writeIds = new Set<string>();
  readonly #timeout: NodeJS.Timeout | undefined;
  #stdinBytes = 0;
  #killTimer: NodeJS.Timeout | undefined;
  /** Whom it had started outside its group when it was told to end. */
  #relatives: Sighting[] = [];
  #killed = false;

  constructor(params: StartParams, child: Child, options: LocalProcessOptions) {
    this.processId = params.processId;
    this.pid = child.pid;
    this.#params = params;
    this.#child = child;
    this.#sandboxed = options.sandboxed;
    this.#log = new ProcessLog({
      budget: options.budget,
      ...(options.retainedBytes === undefined ? {} : { maxBytes: options.retainedBytes }),
      onPressure: (pause) => (pause ? child.pause() : child.resume()),
    });
    child.start({
      output: (stream, chunk) => {
        this.#sandboxed?.denial.addOutput(chunk);
        this.#log.appendOutput(stream, chunk);
      },
      exited: (status) => this.#exited(status),
      outputEnded: () => {
        this.#log.appendClosed();
        options.onClosed(this);
      },
    });
    if (params.timeoutMs !== undefined && !this.#log.exited) {
      const graceMs = DEFAULT_GRACE_MS;
      this.#timeout = setTimeout(() => void this.terminate({ graceMs }), Math.min(params.timeoutMs, 2 ** 31 - 1));
    }
  }

  get running(): boolean {
    return this.#log.exited === undefined;
  }

  get closed(): boolean {
    return this.#log.closed;
  }

  events(options?: SubscribeOptions): Subscription {
    return this.#log.subscribe(options);
  }

  read(options?: ReadOptions): Promise<ReadResult> {
    return this.#log.read(options);
  }

  async write(chunk: Buffer, { writeId }: WriteOptions = {}): Promise<WriteStatus> {
    if (!this.#params.pipeStdin && !this.#params.tty) return 'stdinClosed';
    if (writeId !== undefined && this.#writeIds.has(writeId)) return 'accepted';
    if (!this.#child.stdinOpen) return 'stdinClosed';
    if (chunk.length === 0) return 'accepted';
    if (this.#stdinBytes + chunk.length > STDIN_MAX_BYTES) {
      throw invalidRequest(
        'stdin_full',
        `process ${this.processId} does not read its stdin: ${this.#stdinBytes} bytes are waiting, at most ${STDIN_MAX_BYTES} may`,
        { retryable: true },
      );
    }
    if (writeId !== undefined) this.#rememberWrite(writeId);
    this.#stdinBytes += chunk.length;
    try {
      return (await this.#child.write(chunk)) ? 'accepted' : 'stdinClosed';
    } finally {
      this.#stdinBytes -= chunk.length;
    }
  }

  async closeStdin(): Promise<void> {
    if (this.#child.stdinOpen) this.#child.closeStdin();
  }

  async signal(name: string): Promise<void> {
    const signal = signalNamed(name);
    if (!this.running) return;
    // Ctrl-C on a terminal goes to what is in front, which under an interactive shell is not the shell.
    const front = this.#params.tty && signal === 'SIGINT' ? foregroundGroupOf(this.#programPid) : undefined;
    if (front === undefined || !sendSignal(-front, signal)) this.#signalGroup(signal);
  }

  async resize(size: TerminalSize): Promise<void> {
    if (!this.#params.tty) {
      throw invalidRequest(
        'invalid_input',
        `process ${this.processId} has no terminal: start it with tty: true to resize it`,
      );
    }
    this.#child.resize(size);
  }

  async terminate({ graceMs = 0 }: TerminateOptions = {}): Promise<{ running: boolean }> {
    const running = this.running;
    if (this.closed) return { running };
    if (graceMs > 0 && running) {
      // Looked up now: once the leader heeds the TERM, nobody can tell who its descendants were.
      this.#relatives = relativesOf(this.pid, { bySession: this.#params.tty });
      // CONT, because a stopped process would never see the TERM.
      for (const signal of ['SIGTERM', 'SIGCONT'] as const) {
        this.#signalGroup(signal);
        sendSignalTo(this.#relatives, signal);
      }
      this.#killTimer ??= setTimeout(() => this.kill(), graceMs);
    } else {
      this.kill();
    }
    return { running };
  }

  /** Ends at once whatever is left of it: its group, its session, and the descendants that have left both. */
  kill(): void {
    clearTimeout(this.#killTimer);
    const relatives = relativesOf(this.pid, { bySession: this.#params.tty || !this.running });
    this.#signalGroup('SIGKILL');
    sendSignalTo([...relatives, ...this.#relatives], 'SIGKILL');
    this.#killed = true;
    if (!this.running) this.#releaseSoon();
  }

  info(): ProcessInfo {
    const { argv, cwd, tty } = this.#params;
    const exited = this.#log.exited;
    return {
      processId: this.processId,
      argv,
      cwd,
      tty,
      sandboxType: sandboxTypeOf(this.#params),
      pid: this.#programPid,
      startedAtMs: this.#startedAtMs,
      running: this.running,
      exitCode: exited?.exitCode ?? null,
      signal: exited?.signal ?? null,
      closed: this.closed,
      nextSeq: this.#log.nextSeq,
    };
  }

  ended(): Promise<void> {
    return this.#log.whenEnded;
  }

  release(): void {
    clearTimeout(this.#timeout);
    clearTimeout(this.#killTimer);
    this.#log.release();
  }

  #exited({ exitCode, signal }: ExitStatus): void {
    clearTimeout(this.#timeout);
    // What it has left behind may use the rest of the grace period.
    if (!sendSignal(-this.pid, 0) && !sendSignalTo(this.#relatives, 0)) clearTimeout(this.#killTimer);
    this.#log.appendExited(exitCode, signal, this.#sandboxed?.denial.looksDenied(exitCode));
    if (this.#killed) this.#releaseSoon();
  }

  get #programPid(): number {
    return this.#sandboxed?.programPid ?? this.pid;
  }

  /**
   * KILL ends a sandbox as a whole; other signals must not reach what holds it together, so they go to the program's group.
   * A child that was forked onto a terminal a moment ago may have no group yet, only itself.
   */
  #signalGroup(signal: NodeJS.Signals): void {
    const leader = signal === 'SIGKILL' ? this.pid : this.#programPid;
    if (!sendSignal(-leader, signal) && this.running) sendSignal(leader, signal);
  }

  /** After a kill the output ends by itself, unless somebody out of reach holds it; then it is taken as it stands. */
  #releaseSoon(): void {
    setTimeout(() => this.#child.releaseOutput(), OUTPUT_AFTER_KILL_MS);
  }

  #rememberWrite(writeId: string): void {
    this.#writeIds.add(writeId);
    if (this.#writeIds.size <= REMEMBERED_WRITE_IDS) return;
    for (const oldest of this.#writeIds) {
      this.#writeIds.delete(oldest);
      return;
    }
  }
}

/** The real peers say the same of a profile that restricts nothing. */
function sandboxTypeOf({ sandbox }: StartParams): string {
  return sandbox && process.platform === 'linux' ? 'linuxSeccomp' : 'none';
}

function signalNamed(name: string): NodeJS.Signals {
  const full = name === 'interrupt' ? 'SIGINT' : name === 'terminate' ? 'SIGTERM' : name === 'kill' ? 'SIGKILL' : name;
  const candidate = full.startsWith('SIG') ? full : `SIG${full.toUpperCase()}`;
  if (Object.hasOwn(os.signals, candidate)) return candidate as NodeJS.Signals;
  throw invalidParams(`unknown signal \`${name}\`: expected \`interrupt\` or a name such as SIGTERM`);
}
