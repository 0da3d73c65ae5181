import { setTimeout as sleep } from 'node:timers/promises';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { SubscriberEvent } from '../event-log/events.js';
import type { ExecProcess } from '../process/types.js';
import type { StdioMcpServer } from './config.js';
import { McpClosedError } from './errors.js';
import type { McpLauncher } from './launcher.js';
import { MAX_MESSAGE_LINE_BYTES, MAX_STDERR_LINE_BYTES, OUTPUT_AFTER_EXIT_MS, WRITE_PIECE_BYTES } from './limits.js';
import { LineSplitter } from './line-splitter.js';
import { OpenRequests } from './open-requests.js';
import { stopServer } from './stop-server.js';

export interface StdioTransportOptions {
  /** A line that the server wrote to its stderr, without its end. */
  onStderr?: ((line: string) => void) | undefined;
  /** Asked after every message: the next is taken from the server when it resolves. */
  whenReady?: (() => Promise<void> | undefined) | undefined;
}

/**
 * A transport of the official SDK over a process, wherever it runs. A connection that is cut and recovered is not noticed.
 * When the server ends by itself, or can no longer be followed, every open request fails with the reason before `onclose`.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #launcher: McpLauncher;
  readonly #server: StdioMcpServer;
  readonly #onStderr: (line: string) => void;
  readonly #whenReady: () => Promise<void> | undefined;
  readonly #stdout: LineSplitter;
  readonly #stderr = new LineSplitter(MAX_STDERR_LINE_BYTES, (start) => start);
  readonly #open = new OpenRequests();
  readonly #exited: Promise<void>;
  #onExit: () => void = () => undefined;
  #process: Promise<ExecProcess> | undefined;
  #following: Promise<void> = Promise.resolve();
  #sending: Promise<void> = Promise.resolve();
  #exit = '';
  #lastStderr = '';
  #lingering: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #reason: McpClosedError | undefined;

  constructor(launcher: McpLauncher, server: StdioMcpServer, { onStderr, whenReady }: StdioTransportOptions = {}) {
    this.#launcher = launcher;
    this.#server = server;
    this.#onStderr = onStderr ?? (() => undefined);
    this.#whenReady = whenReady ?? (() => undefined);
    this.#exited = new Promise((resolve) => {
      this.#onExit = resolve;
    });
    this.#stdout = new LineSplitter(MAX_MESSAGE_LINE_BYTES, () => {
      throw new McpClosedError(`${this.#name} wrote a message of more than ${MAX_MESSAGE_LINE_BYTES} bytes`);
    });
  }

  /** Why it has closed. Undefined while it is open, and when it was closed by `close`. */
  get reason(): McpClosedError | undefined {
    return this.#reason;
  }

  /** Starts the server. Rejects as the launcher does. */
  async start(): Promise<void> {
    if (this.#process) throw new Error('this transport has been started already: make a new one for every connection');
    if (this.#closing) throw new McpClosedError(`the transport to ${this.#name} has been closed`);
    this.#process = this.#launcher.launch(this.#server);
    const process = await this.#process;
    if (this.#closing) throw new McpClosedError(`the transport to ${this.#name} was closed while it started`);
    this.#following = this.#follow(process);
  }

  /** Resolves when the message is on its way. Messages go out whole and in the order of the calls. */
  async send(message: JSONRPCMessage): Promise<void> {
    const process = await this.#process;
    if (!process || this.#closing) {
      throw this.#reason ?? new McpClosedError(`the transport to ${this.#name} is not open`);
    }
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    this.#open.sent(message);
    const sent = this.#sending.then(() => this.#write(process, line));
    this.#sending = sent.catch(() => undefined); // its sender is told
    return sent;
  }

  /** Ends the server and all that it started. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  get #name(): string {
    return `MCP server \`${this.#server.name}\``;
  }

  async #write(process: ExecProcess, line: Buffer): Promise<void> {
    for (let at = 0; at < line.length; at += WRITE_PIECE_BYTES) {
      const status = await process.write(line.subarray(at, at + WRITE_PIECE_BYTES));
      if (status === 'accepted') continue;
      // A server that takes no more has mostly just ended: how it ended says more.
      await Promise.race([this.#following, sleep(OUTPUT_AFTER_EXIT_MS, undefined, { ref: false })]);
      throw this.#reason ?? new McpClosedError(`${this.#name} takes no more input: ${status}`);
    }
  }

  async #follow(process: ExecProcess): Promise<void> {
    try {
      for await (const event of process.events({ holdBack: true })) await this.#take(event, process);
      this.#fail(new McpClosedError(this.#exit || `${this.#name} has ended, how is not known`));
    } catch (error) {
      this.#fail(error instanceof McpClosedError ? error : new McpClosedError(messageOf(error), { cause: error }));
    }
  }

  /** Throws when nothing sensible can come any more. */
  async #take(event: SubscriberEvent, process: ExecProcess): Promise<void> {
    switch (event.type) {
      case 'output':
        if (event.stream === 'stderr') for (const line of this.#stderr.push(event.chunk)) this.#log(line);
        else
          for (const line of this.#stdout.push(event.chunk)) {
            this.#receive(line);
            // The SDK handles a notification one microtask later, and an answer at once: progress that came just before
            // the answer would find nobody.
            await this.#whenReady();
          }
        return;
      case 'exited':
        this.#onExit();
        this.#exit = `${this.#name} ended with ${event.signal ?? `exit code ${event.exitCode}`}`;
        // A grandchild that holds the output must not keep requests waiting for a server that is gone.
        this.#lingering = setTimeout(() => void process.terminate().catch(() => undefined), OUTPUT_AFTER_EXIT_MS);
        return;
      case 'closed': {
        const rest = this.#stderr.rest();
        if (rest !== undefined) this.#log(rest);
        if (this.#lastStderr) this.#exit += `; its last words: ${this.#lastStderr}`;
        return;
      }
      case 'gap':
        throw new McpClosedError(`output of ${this.#name} was lost: it came faster than it could be kept`);
      case 'failed':
        throw event.error;
    }
  }

  #log(line: string): void {
    if (line.trim() !== '') this.#lastStderr = line.slice(0, 500);
    this.#onStderr(line);
  }

  #receive(line: string): void {
    if (line.trim() === '') return;
    let message: unknown;
    try {
      message = JSON.parse(line);
      if (typeof message !== 'object' || message === null) throw new SyntaxError('expected an object');
    } catch (error) {
      // Some servers print to stdout what belongs on stderr; the next line may be a message again.
      this.onerror?.(new Error(`${this.#name} wrote a line that is not a message: ${messageOf(error)}`));
      return;
    }
    this.#open.received(message as JSONRPCMessage);
    this.#deliver(message as JSONRPCMessage);
  }

  #deliver(message: JSONRPCMessage): void {
    try {
      this.onmessage?.(message);
    } catch (error) {
      this.onerror?.(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Ended from the other side. */
  #fail(reason: McpClosedError): void {
    if (this.#closing) return;
    this.#reason = reason;
    for (const failure of this.#open.failAll(reason)) this.#deliver(failure);
    this.onerror?.(reason);
    void this.close();
  }

  async #shutDown(): Promise<void> {
    // What did not start has told so already.
    const process = await this.#process?.catch(() => undefined);
    // Those whose requests have failed hear it at once; how long the rest of the server takes is not their concern.
    if (this.#reason) this.onclose?.();
    if (process) await stopServer(process, this.#exited);
    clearTimeout(this.#lingering);
    if (!this.#reason) this.onclose?.();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
