import { randomBytes } from 'node:crypto';
import type { ReadOptions, ReadResult } from '../event-log/events.js';
import type { SubscribeOptions } from '../event-log/process-log.js';
import type { Subscription } from '../event-log/subscription.js';
import type {
  ExecProcess,
  ProcessId,
  ProcessInfo,
  StartParams,
  TerminateOptions,
  WriteOptions,
} from '../process/types.js';
import { invalidParams } from '../protocol/errors.js';
import type { TerminalSize, WriteStatus } from '../protocol/process-methods.js';
import type { ExtensionCapability } from '../protocol/session-methods.js';
import type { CallOptions } from '../rpc/peer.js';
import { UnsupportedByServerError } from './errors.js';
import { MAX_WRITE_BYTES } from './limits.js';
import type { ProcessFeed } from './process-feed.js';
import type { SessionLink } from './session-link.js';

const CTRL_C = Buffer.from([0x03]);
const CTRL_D = Buffer.from([0x04]);

/** What this client knows of how the process was started. */
export interface Launch extends Pick<StartParams, 'cwd' | 'tty'> {
  argv: readonly string[];
  pid: number | null;
  sandboxType: string | null;
  startedAtMs: number;
}

/**
 * A process on a server. Its events are gathered here, so reading them costs no round trip and goes on across cuts of the
 * connection; they end with `failed` only when the session, or the process, is truly gone.
 */
export class RemoteProcess implements ExecProcess {
  readonly processId: ProcessId;
  readonly #link: SessionLink;
  readonly #feed: ProcessFeed;
  readonly #launch: Launch;
  /** Makes the ids of our writes differ from those of another client that writes to the same process. */
  readonly #writePrefix = randomBytes(6).toString('hex');
  #writes = 0;

  constructor(link: SessionLink, feed: ProcessFeed, processId: ProcessId, launch: Launch) {
    this.processId = processId;
    this.#link = link;
    this.#feed = feed;
    this.#launch = launch;
  }

  events(options?: SubscribeOptions): Subscription {
    return this.#feed.log.subscribe(options);
  }

  read(options?: ReadOptions): Promise<ReadResult> {
    return this.#feed.log.read(options);
  }

  /**
   * Types into its stdin. A write that was in flight when the connection was cut is sent again by its id, unless the
   * server (0.129) cannot tell a repeat: then it rejects with ConnectionClosedError, `mayHaveExecuted: true`.
   */
  async write(chunk: Buffer, options: WriteOptions & CallOptions = {}): Promise<WriteStatus> {
    if (chunk.length > MAX_WRITE_BYTES) {
      throw invalidParams(`a write of ${chunk.length} bytes: expected at most ${MAX_WRITE_BYTES}; write in pieces`);
    }
    const { writeId = `${this.#writePrefix}-${++this.#writes}`, ...call } = options;
    const params = { processId: this.processId, chunk: chunk.toString('base64'), writeId };
    return (await this.#link.call('process/write', params, call)).status;
  }

  /** Throws UnsupportedByServerError where the server cannot do it and there is no terminal to type Ctrl-D on. */
  async closeStdin(options?: CallOptions): Promise<void> {
    const { processId } = this;
    if (this.#supports('processCloseStdin')) await this.#link.call('process/closeStdin', { processId }, options);
    else if (this.#launch.tty) await this.write(CTRL_D, options);
    else
      throw new UnsupportedByServerError('closing stdin', 'let the program know by what you write that this was all');
  }

  /** Throws UnsupportedByServerError for what the server cannot send: any but `interrupt`, or even that on 0.129 without a terminal. */
  async signal(name: string, options?: CallOptions): Promise<void> {
    const { processId } = this;
    const interrupt = name === 'interrupt' || name === 'SIGINT' || name === 'INT';
    if (this.#supports('processSignalAny')) {
      await this.#link.call('process/signal', { processId, signal: name }, options);
    } else if (interrupt && this.#link.traits.interrupts) {
      await this.#link.call('process/signal', { processId, signal: 'interrupt' }, options);
    } else if (interrupt && this.#launch.tty) {
      await this.write(CTRL_C, options);
    } else {
      const remedy = interrupt ? 'start it with tty: true, or terminate it' : 'send `interrupt`, or terminate it';
      throw new UnsupportedByServerError(`the signal ${name}`, remedy);
    }
  }

  /** Throws UnsupportedByServerError where terminals have one size only. */
  async resize(size: TerminalSize, options?: CallOptions): Promise<void> {
    if (!this.#supports('processResize')) {
      throw new UnsupportedByServerError('resizing terminals', 'they have 80 columns and 24 rows');
    }
    await this.#link.call('process/resize', { processId: this.processId, size }, options);
  }

  /** Where the server knows no grace period, KILL comes at once. */
  async terminate({ graceMs = 0, ...options }: TerminateOptions & CallOptions = {}): Promise<{ running: boolean }> {
    const grace = graceMs > 0 && this.#supports('processTerminateGrace') ? { graceMs } : {};
    const params = { processId: this.processId, ...grace };
    const { running } = await this.#link.call('process/terminate', params, { ...options, cleanup: true });
    return { running };
  }

  info(): ProcessInfo {
    const { log } = this.#feed;
    const { exited } = log;
    return {
      ...this.#launch,
      processId: this.processId,
      running: exited === undefined && !log.ended,
      exitCode: exited?.exitCode ?? null,
      signal: exited?.signal ?? null,
      closed: log.closed,
      nextSeq: log.nextSeq,
    };
  }

  ended(): Promise<void> {
    return this.#feed.log.whenEnded;
  }

  /** Stops following it; the process itself goes on, and the server forgets it in its own time. */
  release(): void {
    this.#feed.forget();
  }

  #supports(capability: ExtensionCapability): boolean {
    return this.#link.traits.capabilities.has(capability);
  }
}
