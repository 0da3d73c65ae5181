import type { Client, Tool } from '@modelcontextprotocol/client';
import { sleep } from '../client/backoff.js';
import type { McpServerConfig } from './config.js';
import { connectServer, type McpConnectOptions, type McpPlace } from './connect.js';
import { McpUnavailableError } from './errors.js';
import { MAX_RESTARTS, RESTART_BASE_MS, RESTART_CAP_MS, STABLE_AFTER_MS } from './limits.js';

export type McpServerState =
  | { state: 'starting' }
  | { state: 'ready'; tools: readonly Tool[] }
  /** It died, and is started again after a while. */
  | { state: 'restarting'; error: Error; attempt: number }
  /** It did not start, or died too often. */
  | { state: 'failed'; error: Error }
  | { state: 'closed' };

export interface ManagedServerOptions extends Omit<McpConnectOptions, 'signal'> {
  onChange: () => void;
  /** What to wait before the given restart of a row, which counts from 1. */
  restartDelayMs?: ((attempt: number) => number) | undefined;
}

/** One server of a manager: started, watched, and started again when it dies. */
export class ManagedServer {
  readonly config: McpServerConfig;
  readonly #place: () => McpPlace;
  readonly #options: ManagedServerOptions;
  readonly #ending = new AbortController();
  #state: McpServerState = { state: 'starting' };
  #client: Client | undefined;
  #restarts = 0;
  #readySince = 0;
  #running: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(config: McpServerConfig, place: () => McpPlace, options: ManagedServerOptions) {
    this.config = config;
    this.#place = place;
    this.#options = options;
  }

  get state(): McpServerState {
    return this.#state;
  }

  /** Throws McpUnavailableError unless it is ready. */
  get client(): Client {
    if (this.#client && this.#state.state === 'ready') return this.#client;
    const why = 'error' in this.#state ? `${this.#state.state}: ${this.#state.error.message}` : this.#state.state;
    const retryable = this.#state.state === 'starting' || this.#state.state === 'restarting';
    throw new McpUnavailableError(this.config.name, why, { retryable });
  }

  /** Resolves when it is ready or has failed. Never rejects. */
  start(): Promise<void> {
    this.#running = this.#begin().catch((error: unknown) => this.#become({ state: 'failed', error: asError(error) }));
    return this.#running;
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #begin(): Promise<void> {
    const client = await connectServer(this.config, this.#place(), { ...this.#options, signal: this.#ending.signal });
    this.#client = client;
    let reason: Error | undefined;
    client.onerror = (error) => {
      reason = error;
    };
    // What happens between the answer to `initialize` and here would otherwise be missed.
    const died = new Promise<void>((resolve) => {
      client.onclose = resolve;
      if (!client.transport) resolve();
    });
    void died.then(() => this.#restart(client, reason ?? new Error('the server has closed the connection')));
    client.setNotificationHandler('notifications/tools/list_changed', () => this.#list(client));
    try {
      await this.#list(client);
    } catch (error) {
      // A server that cannot say what it offers is not left running.
      this.#client = undefined;
      await client.close();
      throw reason ?? error;
    }
  }

  async #list(client: Client): Promise<void> {
    const tools = client.getServerCapabilities()?.tools ? (await client.listTools()).tools : [];
    if (client !== this.#client) return;
    if (this.#state.state !== 'ready') this.#readySince = performance.now();
    this.#become({ state: 'ready', tools });
  }

  async #restart(client: Client, error: Error): Promise<void> {
    if (this.#closing || client !== this.#client) return;
    const wasReady = this.#state.state === 'ready';
    this.#client = undefined;
    if (wasReady && performance.now() - this.#readySince > STABLE_AFTER_MS) this.#restarts = 0;
    // A server that never got ready has its failure told by whoever started it.
    if (!wasReady) return;
    this.#running = this.#tryAgain(error);
    await this.#running;
  }

  async #tryAgain(died: Error): Promise<void> {
    const { restartDelayMs = defaultDelayMs } = this.#options;
    let error = died;
    while (this.#restarts < MAX_RESTARTS) {
      this.#restarts += 1;
      this.#become({ state: 'restarting', error, attempt: this.#restarts });
      try {
        await sleep(restartDelayMs(this.#restarts), this.#ending.signal);
        return await this.#begin();
      } catch (cause) {
        if (this.#closing) return;
        error = asError(cause);
      }
    }
    this.#become({ state: 'failed', error });
  }

  async #end(): Promise<void> {
    this.#ending.abort(new McpUnavailableError(this.config.name, 'its manager has been closed', { retryable: false }));
    this.#become({ state: 'closed' });
    await this.#client?.close();
    await this.#running;
    // One that became ready while we were closing.
    await this.#client?.close();
    this.#client = undefined;
  }

  #become(state: McpServerState): void {
    if (this.#state.state === 'closed') return;
    this.#state = state;
    this.#options.onChange();
  }
}

function defaultDelayMs(attempt: number): number {
  return Math.min(RESTART_CAP_MS, RESTART_BASE_MS * 2 ** (attempt - 1));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
