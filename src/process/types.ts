import type { ReadOptions, ReadResult } from '../event-log/events.js';
import type { SubscribeOptions } from '../event-log/process-log.js';
import type { Subscription } from '../event-log/subscription.js';
import type { NativePath } from '../protocol/paths.js';
import type { EnvironmentPolicy, TerminalSize, WriteStatus } from '../protocol/process-methods.js';
import type { SandboxContext } from '../protocol/sandbox.js';
import type { EnvironmentInfo } from '../protocol/session-methods.js';

declare const processIdBrand: unique symbol;

/** Names a process within a session. Opaque, chosen by the client; never a pid. */
export type ProcessId = string & { readonly [processIdBrand]: true };

export function processId(id: string): ProcessId {
  return id as ProcessId;
}

/** What to run. */
export interface StartParams {
  processId: ProcessId;
  /** Program and arguments; the program is looked up in the PATH of the child's environment. */
  argv: readonly [string, ...string[]];
  cwd: NativePath;
  /** With no `envPolicy` the whole environment of the child, else what is laid over what the policy gives. */
  env: Readonly<Record<string, string>>;
  envPolicy?: EnvironmentPolicy | undefined;
  /** Run on a terminal of its own, 80 columns by 24 rows unless `size` says otherwise. */
  tty: boolean;
  size?: TerminalSize | undefined;
  /** Give it a stdin that can be written to; else it reads the end of input at once. A terminal always has one. */
  pipeStdin?: boolean | undefined;
  /** argv[0] as the child sees it. */
  arg0?: string | undefined;
  /** Terminate it after this long: TERM, then KILL. */
  timeoutMs?: number | undefined;
  /** What it may do, with paths of the place where it runs. Refused with kind `sandbox_unavailable` where it cannot be enforced. */
  sandbox?: SandboxContext | undefined;
}

export interface WriteOptions {
  /** Names this write: a repeat with the same id is answered `accepted` and dropped. */
  writeId?: string | undefined;
}

export interface TerminateOptions {
  /** Send TERM first, and KILL only after this long. Default 0: KILL at once. */
  graceMs?: number | undefined;
}

/** What is known of a process without asking for its output. */
export interface ProcessInfo {
  processId: ProcessId;
  argv: readonly string[];
  cwd: NativePath;
  tty: boolean;
  /** `none` when it was started without `sandbox`; on Linux else `linuxSeccomp`, as the real peers say it. Null: not known. */
  sandboxType: string | null;
  pid: number | null;
  /** Milliseconds since the epoch. */
  startedAtMs: number;
  running: boolean;
  exitCode: number | null;
  signal: string | null;
  closed: boolean;
  nextSeq: number;
}

/** A started process, wherever it runs. */
export interface ExecProcess {
  readonly processId: ProcessId;
  /** Output, exited and closed, from the log: at the reader's pace, replaying what is retained. */
  events(options?: SubscribeOptions): Subscription;
  /** One look at the log; long-polls with `waitMs`. */
  read(options?: ReadOptions): Promise<ReadResult>;
  /** Types into its stdin. Resolves when the bytes are on their way, which a child that does not read can delay. */
  write(chunk: Buffer, options?: WriteOptions): Promise<WriteStatus>;
  /** End of input. On a terminal, types Ctrl-D. */
  closeStdin(): Promise<void>;
  /** `interrupt`, or a signal name such as SIGUSR1, to its process group; on a terminal `interrupt` is Ctrl-C. */
  signal(name: string): Promise<void>;
  /** Changes the size of its terminal. */
  resize(size: TerminalSize): Promise<void>;
  /** Ends it and all that it started. `running`: whether it was still running. */
  terminate(options?: TerminateOptions): Promise<{ running: boolean }>;
  info(): ProcessInfo;
  /** Resolves when it has closed, or can no longer be followed. Never rejects. */
  ended(): Promise<void>;
  /** Forgets what is retained of it; for a process that nobody will ask about again. */
  release(): void;
}

/** Starts processes: here, or somewhere else. */
export interface ExecBackend {
  /** Resolves when the process runs. Rejects with a WireError when it could not be started, and then nothing runs. */
  start(params: StartParams): Promise<ExecProcess>;
  /** Shell, directories and operating system of the place where the processes run. */
  environmentInfo(): Promise<EnvironmentInfo>;
  /** Ends every process that it started. */
  close(): Promise<void>;
}
