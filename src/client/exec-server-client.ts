import type { MethodName, ParamsInput, ResultOf } from '../protocol/methods.js';
import type { EnvironmentInfo, ExtensionCapability } from '../protocol/session-methods.js';
import type { CallOptions } from '../rpc/peer.js';
import { CONNECT_TIMEOUT_MS } from '../transport/limits.js';
import type { ConnectionState } from './connection-state.js';
import { type ConnectTarget, dialerFor } from './dial.js';
import type { ClientEndError } from './errors.js';
import { INITIALIZE_TIMEOUT_MS, TERMINATE_ON_CLOSE_MS } from './limits.js';
import type { RemoteBackend } from './remote-backend.js';
import type { RemoteFileSystem } from './remote-file-system.js';
import type { RemoteHttpClient } from './remote-http-client.js';
import type { RemoteTcpConnector } from './remote-tcp-connector.js';
import type { SessionLink } from './session-link.js';

export interface ConnectOptions {
  /** How we introduce ourselves. Default `exec-server`. */
  clientName?: string | undefined;
  /** Come back to this session instead of opening a new one, and `processes.adopt` what runs in it. */
  resumeSessionId?: string | undefined;
  /** How long the dial may take; behind a registry, how long to try while the executor is offline. Default 10 s. */
  connectTimeoutMs?: number | undefined;
  /** How long the answer to `initialize` may take. Default 10 s. */
  initializeTimeoutMs?: number | undefined;
  /**
   * How long to try to come back when the connection is cut; `false`: not at all. Default: as long as the server keeps
   * the session, when it says so, else 25 s. A spawned program is never come back to.
   */
  recovery?: { deadlineMs?: number | undefined } | false | undefined;
  onStateChange?: StateListener | undefined;
  /** Cancels connecting. Later it changes nothing: use `close`. */
  signal?: AbortSignal | undefined;
}

export interface CloseOptions {
  /** End the processes of this client first, in 5 s at most. Default: the server keeps the session, and them, for a while. */
  terminateProcesses?: boolean | undefined;
}

/** What a client tells of its connection. */
export type ClientState =
  | { status: 'connecting' }
  | { status: 'connected' }
  /** The connection was cut because of `reason`; `attempt` counts from 1, 0: about to begin. */
  | { status: 'recovering'; reason: string; attempt: number }
  /** Final. Everything is refused with `error`. */
  | { status: 'failed'; reason: string; error: ClientEndError }
  | { status: 'closed'; reason: string; error: ClientEndError };

export type StateListener = (state: ClientState) => void;

/**
 * A session with an exec-server: its processes, its files, HTTP and TCP from there, and every method of the wire. A connection that is cut is
 * re-established behind its back; calls made meanwhile wait, and event streams go on where they stopped.
 */
export class ExecServerClient implements AsyncDisposable {
  readonly processes: RemoteBackend;
  readonly files: RemoteFileSystem;
  readonly http: RemoteHttpClient;
  readonly tcp: RemoteTcpConnector;
  readonly #link: SessionLink;
  readonly #listeners: Set<StateListener>;
  #closing: Promise<void> | undefined;

  private constructor(link: SessionLink, listeners: Set<StateListener>, wire: typeof import('./wire.js')) {
    this.#link = link;
    this.#listeners = listeners;
    this.processes = new wire.RemoteBackend(link);
    this.files = new wire.RemoteFileSystem(link);
    this.http = new wire.RemoteHttpClient(link);
    this.tcp = new wire.RemoteTcpConnector(link);
  }

  /**
   * Connects to a server. Rejects with DialError (nothing reached), WireError (the server refused), SessionLostError
   * (`resumeSessionId` is unknown), RpcTimeoutError, ConnectionClosedError or the signal's reason.
   */
  static async connect(target: ConnectTarget, options: ConnectOptions = {}): Promise<ExecServerClient> {
    const { resumeSessionId, signal, onStateChange } = options;
    const listeners = new Set<StateListener>(onStateChange ? [onStateChange] : []);
    // Loaded when it is needed: importing this client is cheap, checking what comes over the wire takes a library.
    const wire = await import('./wire.js');
    const link = await wire.SessionLink.open(
      {
        dialer: dialerFor(target),
        clientName: options.clientName ?? 'exec-server',
        connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
        initializeTimeoutMs: options.initializeTimeoutMs ?? INITIALIZE_TIMEOUT_MS,
        recovery: options.recovery ?? {},
        onStateChange: (state) => announce(listeners, clientState(state)),
      },
      { resumeSessionId, signal },
    );
    return new ExecServerClient(link, listeners, wire);
  }

  get sessionId(): string {
    return this.#link.sessionId;
  }

  get state(): ClientState {
    return clientState(this.#link.state);
  }

  /** The extensions that the server announces; any other would be refused with UnsupportedByServerError. */
  get capabilities(): ReadonlySet<ExtensionCapability> {
    return this.#link.traits.capabilities;
  }

  /**
   * Any method of the wire. Path fields take a plain absolute path or a `file:` URI, and go out as the server wants them.
   * While the connection is being re-established the call waits. One that was in flight at the cut is repeated when that
   * is harmless, else it rejects with ConnectionClosedError, `mayHaveExecuted: true`.
   * `timeoutMs` covers all of that; without it a call takes as long as it takes.
   */
  call<M extends MethodName>(method: M, params: ParamsInput<M>, options?: CallOptions): Promise<ResultOf<M>> {
    return this.#link.call(method, params, options);
  }

  environmentInfo(): Promise<EnvironmentInfo> {
    return this.processes.environmentInfo();
  }

  /** Calls back on every change of state, in order, never from within a call of ours. Returns how to stop it. */
  onStateChange(listener: StateListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends the connection, and everything that waits with an error that says so. Idempotent. */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close({ terminateProcesses = false }: CloseOptions): Promise<void> {
    if (terminateProcesses) await this.#terminateProcesses();
    await this.#link.close('closed by this client');
  }

  async #terminateProcesses(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, TERMINATE_ON_CLOSE_MS);
    });
    // A refusal, or a client that has failed, is not in the way of closing; the session ends what is left, in its time.
    await Promise.race([this.processes.close().catch(() => undefined), late]);
    clearTimeout(timer);
  }
}

function clientState(state: ConnectionState<unknown>): ClientState {
  switch (state.status) {
    case 'connecting':
    case 'connected':
      return { status: state.status };
    case 'recovering':
      return { status: 'recovering', reason: state.reason, attempt: state.attempt };
    case 'failed':
    case 'closed':
      return { status: state.status, reason: state.error.message, error: state.error };
    default:
      return state satisfies never;
  }
}

/** In a microtask of its own: what a listener does, or throws, must not get in the way of the state machine. */
function announce(listeners: ReadonlySet<StateListener>, state: ClientState): void {
  for (const listener of listeners) queueMicrotask(() => listener(state));
}
