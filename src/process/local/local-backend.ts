import { RetentionBudget } from '../../event-log/retention-budget.js';
import { resolvePolicy } from '../../permissions/index.js';
import type { AccessPolicy } from '../../permissions/types.js';
import { invalidRequest } from '../../protocol/errors.js';
import type { TerminalSize } from '../../protocol/process-methods.js';
import type { SandboxContext } from '../../protocol/sandbox.js';
import type { EnvironmentInfo } from '../../protocol/session-methods.js';
import type { ExecBackend, ExecProcess, StartParams } from '../types.js';
import type { Child, Launcher, LaunchParams } from './child.js';
import { childEnvironment } from './child-environment.js';
import { Guardian } from './guardian.js';
import { hostInfo } from './host-info.js';
import { loadLibc } from './libc.js';
import { DEFAULT_GRACE_MS, MAX_PROCESSES } from './limits.js';
import { LingeringGroups } from './lingering-groups.js';
import { LocalProcess } from './local-process.js';
import { NativeLauncher } from './native-launcher.js';
import { PortableLauncher } from './portable-launcher.js';
import { checkLaunch } from './resolve-program.js';
import { Bubblewrap } from './sandbox/bubblewrap.js';
import { DenialGuess } from './sandbox/denial.js';
import { policyHost } from './sandbox/policy-host.js';

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
  /** Where bubblewrap may be. Default: where root alone installs programs, never the PATH. */
  bubblewrapPaths?: readonly string[] | undefined;
}

/** Runs processes on this machine. */
export class LocalBackend implements ExecBackend {
  readonly #options: LocalBackendOptions;
  readonly #budget: RetentionBudget;
  readonly #launcher: Launcher;
  readonly #guardian = new Guardian();
  #bubblewrap: Bubblewrap | undefined;
  readonly #processes = new Set<LocalProcess>();
  /** What children that have closed have left behind, such as daemons. It ends with us too. */
  readonly #lingering = new LingeringGroups((leader) => this.#guardian.forget(leader));
  #starting = 0;
  #closing: Promise<void> | undefined;

  constructor(options: LocalBackendOptions = {}) {
    this.#options = options;
    this.#budget = new RetentionBudget(options.retainedBytesTotal);
    const libc = options.launcher === 'portable' ? undefined : loadLibc();
    this.#launcher = libc ? new NativeLauncher(libc) : new PortableLauncher(this.#guardian.directory);
  }

  async start(params: StartParams): Promise<ExecProcess> {
    this.#refuseIfClosing();
    if (this.#processes.size + this.#starting >= MAX_PROCESSES) {
      throw invalidRequest('limit_reached', `${MAX_PROCESSES} processes are running, which is the limit`, {
        retryable: true,
      });
    }
    const { argv, arg0, cwd } = params;
    const env = childEnvironment(this.#environment, params.envPolicy, params.env);
    const launch = { argv, arg0, cwd, env };
    checkLaunch(launch);
    this.#starting++;
    try {
      const policy = params.sandbox && (await this.#policyFor(params.sandbox));
      this.#refuseIfClosing();
      const { child, sandboxed } = policy
        ? await this.#launchSandboxed(launch, params, policy)
        : { child: await this.#launchPlain(launch, params), sandboxed: undefined };
      this.#lingering.replace(child.pid);
      this.#guardian.watch(child.pid);
      const started = new LocalProcess(params, child, {
        budget: this.#budget,
        retainedBytes: this.#options.retainedBytesPerProcess,
        sandboxed,
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
    this.#lingering.kill();
  }

  #refuseIfClosing(): void {
    if (this.#closing) throw invalidRequest('shutting_down', 'the server is shutting down and starts nothing new');
  }

  get #environment(): Readonly<NodeJS.ProcessEnv> {
    return this.#options.environment ?? process.env;
  }

  /** Undefined when there is nothing to enforce. */
  async #policyFor(context: SandboxContext): Promise<AccessPolicy | undefined> {
    if (context.permissions.type !== 'managed') return undefined;
    const policy = await resolvePolicy(context, policyHost(this.#environment.TMPDIR));
    return policy.unrestricted && policy.network === 'enabled' ? undefined : policy;
  }

  #launchPlain(launch: LaunchParams, { tty, size, pipeStdin }: StartParams): Promise<Child> {
    return tty
      ? this.#launcher.onTerminal(launch, size ?? DEFAULT_SIZE)
      : this.#launcher.onPipes(launch, pipeStdin ?? false);
  }

  async #launchSandboxed(launch: LaunchParams, { tty, size, pipeStdin }: StartParams, policy: AccessPolicy) {
    this.#bubblewrap ??= new Bubblewrap(this.#launcher, this.#guardian.directory, this.#options.bubblewrapPaths);
    const terminal = tty ? (size ?? DEFAULT_SIZE) : undefined;
    const { child, programPid } = await this.#bubblewrap.launch({ ...launch, policy, terminal, pipeStdin });
    return { child, sandboxed: { programPid, denial: new DenialGuess() } };
  }

  #onClosed(process: LocalProcess): void {
    this.#processes.delete(process);
    this.#lingering.add(process.pid);
  }

  async #close(): Promise<void> {
    const graceMs = this.#options.closeGraceMs ?? DEFAULT_GRACE_MS;
    const ends = [...this.#processes].map(async (process) => {
      const events = process.events();
      await process.terminate({ graceMs });
      for await (const event of events) if (event.type === 'exited') break;
      process.kill(); // what the leader has left behind
      await process.ended(); // and its last output, which comes to its end soon after a kill
    });
    await Promise.all(ends);
    this.#lingering.kill();
    await this.#launcher.close();
    this.#guardian.close();
  }
}
