import type { FileSystem } from '../files/types.js';
import type { Fetch } from '../http/fetch.js';
import type { HttpClient } from '../http/types.js';
import type { ExecBackend } from '../process/types.js';
import type { EnvironmentInfo } from '../protocol/session-methods.js';
import type { TcpConnector } from '../tcp/types.js';

/** How an environment stands, without having asked it. */
export interface EnvironmentStatus {
  /**
   * - `ready`: the next operation goes out at once;
   * - `connecting`: the first connection, or one after a session was lost, is being made;
   * - `recovering`: the connection was cut and is being re-established, operations wait;
   * - `disconnected`: there is no connection. The next operation makes one, unless the environment was closed.
   */
  readonly status: 'ready' | 'connecting' | 'recovering' | 'disconnected';
  /** Why it is recovering or disconnected. */
  readonly reason?: string;
}

export type EnvironmentStatusListener = (status: EnvironmentStatus) => void;

/** A place where commands run and files are: this machine, or any other. What it takes to get there, it sees to itself. */
export interface Environment extends AsyncDisposable {
  /** ASCII letters, digits, `-` and `_`; `local` is this machine. */
  readonly id: string;
  /** Where it is, for people to read: without tokens, passwords and queries. */
  readonly description: string;
  readonly processes: ExecBackend;
  readonly files: FileSystem;
  /** HTTP requests that start over there: what it can reach is reached, its proxies and certificates count. */
  readonly http: HttpClient;
  /** The same as a WHATWG `fetch`, for any library that takes one. */
  readonly fetch: Fetch;
  /** TCP connections that start over there. */
  readonly tcp: TcpConnector;
  /** Shell, directories and operating system over there. */
  info(): Promise<EnvironmentInfo>;
  /** Never makes a connection. */
  status(): EnvironmentStatus;
  /** Calls back on every change, in order, never from within a call of ours. Returns how to stop it. */
  onStatusChange(listener: EnvironmentStatusListener): () => void;
  /** Ends its processes, then the connection. From then on everything is refused. Idempotent. */
  close(): Promise<void>;
}
