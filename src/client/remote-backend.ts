import type { ExecBackend, ProcessId, StartParams } from '../process/types.js';
import { ErrorCode, WireError } from '../protocol/errors.js';
import type { ParamsInput } from '../protocol/methods.js';
import { parsePath } from '../protocol/paths.js';
import { formatSandbox, type SandboxContext } from '../protocol/sandbox.js';
import type { EnvironmentInfo } from '../protocol/session-methods.js';
import { ConnectionClosedError } from '../rpc/errors.js';
import type { CallOptions } from '../rpc/peer.js';
import { SessionLostError, UnsupportedByServerError } from './errors.js';
import { launch } from './launch.js';
import { RemoteProcess } from './remote-process.js';
import type { SessionLink } from './session-link.js';

/** What is taken for granted of a server that cannot say: `assumed` tells it from knowledge. */
const ASSUMED_INFO: EnvironmentInfo = { shell: { name: 'sh', path: '/bin/sh' }, assumed: true };

/** Runs processes on a server. */
export class RemoteBackend implements ExecBackend {
  readonly #link: SessionLink;
  readonly #processes = new Set<RemoteProcess>();
  /** Starts and adoptions whose outcome is not known yet. */
  readonly #pending = new Set<Promise<RemoteProcess>>();
  #info: Promise<EnvironmentInfo> | undefined;
  #closing: Promise<void> | undefined;

  constructor(link: SessionLink) {
    this.#link = link;
  }

  /**
   * Starts a process. When the connection is cut meanwhile, the server is asked what became of it. One that is given up
   * (`signal`, `timeoutMs`) is terminated if it did start. Throws UnsupportedByServerError before anything is sent when
   * the server could only ignore what is asked for.
   */
  start(params: StartParams, options: CallOptions = {}): Promise<RemoteProcess> {
    return this.#settling(this.#start(params, options));
  }

  async #start(params: StartParams, options: CallOptions): Promise<RemoteProcess> {
    const wire = this.#toWire(params);
    const feed = this.#link.feeds.register(params.processId);
    let sandboxType: string | null;
    try {
      sandboxType = await launch(this.#link, feed, wire, options);
    } catch (error) {
      feed.forget();
      throw error;
    }
    const { argv, cwd, tty } = params;
    return this.#track(
      new RemoteProcess(this.#link, feed, params.processId, {
        argv,
        cwd,
        tty,
        pid: null,
        sandboxType,
        startedAtMs: Date.now(),
      }),
    );
  }

  /**
   * Follows a process that runs in this session already, from the first event that the server still has; what it has
   * dropped is a gap. Rejects with a WireError of kind `unknown_process`, or `process_exists` when it is followed already.
   */
  adopt(processId: ProcessId, options: CallOptions = {}): Promise<RemoteProcess> {
    return this.#settling(this.#adopt(processId, options));
  }

  async #adopt(processId: ProcessId, options: CallOptions): Promise<RemoteProcess> {
    const feed = this.#link.feeds.register(processId);
    try {
      const listed = this.#link.traits.capabilities.has('processList')
        ? (await this.#link.call('process/list', {}, options)).processes.find((p) => p.processId === processId)
        : undefined;
      await feed.catchUp((params) => this.#link.call('process/read', params, options));
      feed.confirm();
      return this.#track(
        new RemoteProcess(this.#link, feed, processId, {
          argv: listed?.argv ?? [],
          cwd: parsePath(listed?.cwd ?? '/'),
          tty: listed?.tty ?? false,
          pid: listed?.pid ?? null,
          sandboxType: listed?.sandboxType ?? null,
          startedAtMs: listed?.startedAtMs ?? 0,
        }),
      );
    } catch (error) {
      feed.forget();
      throw error;
    }
  }

  /** From the answer to `initialize`, else asked for. 0.129 knows nothing of itself: then `assumed` is true. */
  environmentInfo(): Promise<EnvironmentInfo> {
    const known = this.#link.traits.environmentInfo;
    if (known) return Promise.resolve(known);
    this.#info ??= this.#link.call('environment/info', {}).catch((error: unknown) => {
      if (error instanceof WireError && error.code === ErrorCode.unknownMethod) return ASSUMED_INFO;
      this.#info = undefined;
      throw error;
    });
    return this.#info;
  }

  /** Ends every process that it started or adopted, and those that are being started, and waits for their end. */
  close(): Promise<void> {
    this.#closing ??= this.#terminateAll().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #terminateAll(): Promise<void> {
    const ends = [...this.#processes].map((process) => terminate(process));
    // One that fails has nothing to end, and whoever asked for it is told.
    const pending = [...this.#pending].map((process) => process.then(terminate, () => undefined));
    await Promise.all([...ends, ...pending]);
  }

  #settling(process: Promise<RemoteProcess>): Promise<RemoteProcess> {
    this.#pending.add(process);
    const settled = () => this.#pending.delete(process);
    process.then(settled, settled);
    return process;
  }

  #track(process: RemoteProcess): RemoteProcess {
    this.#processes.add(process);
    void process.ended().then(() => this.#processes.delete(process));
    return process;
  }

  #toWire(params: StartParams): ParamsInput<'process/start'> {
    const { argv, env, size, timeoutMs, sandbox, ...rest } = params;
    const { capabilities } = this.#link.traits;
    if (size && !capabilities.has('processResize')) {
      throw new UnsupportedByServerError('terminals of a chosen size', 'leave `size` out for 80 columns by 24 rows');
    }
    if (timeoutMs !== undefined && !capabilities.has('processTimeout')) {
      throw new UnsupportedByServerError('`timeoutMs`', 'leave it out, and terminate the process when its time is up');
    }
    return {
      ...rest,
      argv: [...argv],
      env: { ...env },
      ...(size ? { size } : {}),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...this.#sandboxToWire(sandbox),
    };
  }

  /** 0.129 confines no processes: it would ignore the policy and run them without. */
  #sandboxToWire(sandbox: SandboxContext | undefined): Pick<ParamsInput<'process/start'>, 'sandbox'> {
    const { dialect, environmentInfo } = this.#link.traits;
    if (!sandbox) return {};
    if (environmentInfo) {
      return { sandbox: formatSandbox(sandbox, dialect) as ParamsInput<'process/start'>['sandbox'] };
    }
    if (sandbox.permissions.type !== 'managed') return {};
    throw new UnsupportedByServerError(
      'sandboxed processes',
      'wrap the command in a sandbox of its own, or send no `sandbox`',
    );
  }
}

async function terminate(process: RemoteProcess): Promise<void> {
  try {
    await process.terminate();
  } catch (error) {
    // A connection that is gone for good has ended every stream; the server ends the processes with the session.
    if (!(error instanceof ConnectionClosedError || error instanceof SessionLostError)) throw error;
  }
  await process.ended();
}
