import { RetentionBudget } from '../../event-log/retention-budget.js';
import { invalidRequest } from '../../protocol/errors.js';
import type { TerminalSize } from '../../protocol/process-methods.js';
import type { EnvironmentInfo } from '../../protocol/session-methods.js';
import type { ExecBackend, ExecProcess, StartParams } from '../types.js';
import type { Launcher } from './child.js';
import { childEnvironment } from './child-environment.js';
import { Guardian } from './guardian.js';
import { hostInfo } from './host-info.js';
import { loadLibc } from './libc.js';
import { DEFAULT_GRACE_MS, MAX_PROCESSES } from './limits.js';
import { LocalProcess } from './local-process.js';
import { NativeLauncher } from './native-launcher.js';
import { PortableLauncher } from './portable-launcher.js';
import { relativesOf, sendSignal, sendSignalTo } from './process-tree.js';
import { checkLaunch } from './resolve-program.js';

/** Of a terminal, where nobody says otherwise. The real peers have the same. */
const DEFAULT_SIZE: TerminalSize = { cols: 80, rows: 24 };

export interface LocalBackendOptions {
  /** The environment that environment policies start from. Default: this process's own. */
  environment?: Readonly<NodeJS.ProcessEnv>;
  /** Output kept per process, in bytes. */
  retainedBytesPerProcess?: number;
  /** Output kept for all processes together, in bytes. */
  retainedBytesTotal?: number;
  /** `portable` keeps to what Node itself offers. Default: the native launcher where it is to be had. */
  launcher?: 'portable' | undefined;
  /** How long TERM may take before KILL when the backend is closed. */
  closeGraceMs?: number;
}

/** Runs processes on this machine. */
export class LocalBackend implements ExecBackend {
  readonly #options: LocalBackendOptions;
  readonly #budget: RetentionBudget;
  readonly #launcher: Launcher;
  readonly #guardian = new Guardian();
  readonly #processes = new Set<LocalProcess>();
  /** Leaders that have closed while members of their session live on, as daemons do. They end with us too. */
  readonly #lingering = new Set<number>();
  #starting = 0;
  #closing: Promise<void> | undefined;

  constructor(options: LocalBackendOptions = {}) {
    this.#options = options;
    this.#budget = new RetentionBudget(options.retainedBytesTotal);
    const libc = options.launcher === 'portable' ? undefined : loadLibc();
    this.#launcher = libc ? new NativeLauncher(libc) : new PortableLauncher(this.#guardian.directory);
  }

  async start(params: StartParams): Promise<ExecProcess> {
    if (this.#closing) throw invalidRequest('shutting_down', 'the server is shutting down and starts nothing new');
    if (this.#processes.size + this.#starting >= MAX_PROCESSES) {
      throw invalidRequest('limit_reached', `${MAX_PROCESSES} processes are running, which is the limit`, {
        retryable: true,
      });
    }
    const { argv, arg0, cwd } = params;
    const env = childEnvironment(this.#options.environment ?? process.env, params.envPolicy, params.env);
    const launch = { argv, arg0, cwd, env };
    checkLaunch(launch);
    this.#starting++;
    try {
      const child = params.tty
        ? this.#launcher.onTerminal(launch, params.size ?? DEFAULT_SIZE)
        : await this.#launcher.onPipes(launch, params.pipeStdin ?? false);
      this.#guardian.watch(child.pid);
      const started = new LocalProcess(params, child, {
        budget: this.#budget,
        retainedBytes: this.#options.retainedBytesPerProcess,
        onClosed: (process) => this.#onClosed(process),
      });
      if (!started.closed) this.#processes.add(started);
      if (this.#closing) started.kill();
      return started;
    } finally {
      this.#starting--;
    }
  }

  environmentInfo(): Promise<EnvironmentInfo> {
    return Promise.resolve(hostInfo());
  }

  /** TERM to everything, KILL to what is left after the grace period. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The last resort when this process is about to end: KILL, without waiting. */
  killAll(): void {
    for (const process of this.#processes) process.kill();
    this.#killLingering();
  }

  #onClosed(process: LocalProcess): void {
    this.#processes.delete(process);
    this.#lingering.add(process.pid);
    for (const leader of this.#lingering) {
      if (sendSignal(-leader, 0)) continue;
      this.#lingering.delete(leader);
      this.#guardian.forget(leader);
    }
  }

  async #close(): Promise<void> {
    const graceMs = this.#options.closeGraceMs ?? DEFAULT_GRACE_MS;
    const ends = [...this.#processes].map(async (process) => {
      const events = process.events();
      await process.terminate({ graceMs });
      for await (const event of events) if (event.type === 'exited') break;
      process.kill(); // what the leader has left behind
    });
    await Promise.all(ends);
    this.#killLingering();
    await this.#launcher.close();
    this.#guardian.close();
  }

  #killLingering(): void {
    for (const leader of this.#lingering) {
      sendSignal(-leader, 'SIGKILL');
      sendSignalTo(relativesOf(leader, { bySession: true }), 'SIGKILL');
    }
    this.#lingering.clear();
  }
}
