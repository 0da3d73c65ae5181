import type { ClientState, ExecServerClient } from '../client/exec-server-client.js';
import { EnvironmentClosedError, EnvironmentConnectError } from './errors.js';
import { StatusNews } from './status-news.js';
import type { EnvironmentStatus, EnvironmentStatusListener } from './types.js';

type State =
  | { step: 'idle'; reason: string }
  | { step: 'connecting'; attempt: Promise<ExecServerClient>; cancel: AbortController }
  /** The client itself may be recovering, or have failed since. */
  | { step: 'open'; client: ExecServerClient }
  | { step: 'closed' };

const UNUSED: State = { step: 'idle', reason: 'not used yet' };

/**
 * A client that is connected by whoever needs it first. Those that come meanwhile wait for the same attempt. After an
 * attempt that failed, or a session that was lost, the next one to need it makes a new attempt.
 */
export class LazyClient {
  readonly #id: string;
  readonly #connect: (signal: AbortSignal) => Promise<ExecServerClient>;
  readonly #news = new StatusNews(statusOf(UNUSED));
  #state: State = UNUSED;
  #closing: Promise<void> | undefined;

  constructor(environmentId: string, connect: (signal: AbortSignal) => Promise<ExecServerClient>) {
    this.#id = environmentId;
    this.#connect = connect;
  }

  /** Rejects with EnvironmentConnectError, EnvironmentClosedError, or as the operation does. */
  async use<T>(operation: (client: ExecServerClient) => Promise<T>): Promise<T> {
    const client = await this.#connected();
    try {
      return await operation(client);
    } catch (error) {
      // Refused with the very error that the client has ended with, it was waiting for the connection to come back and was
      // never sent: another session will do. What had been sent gets an error of its own.
      const { state } = client;
      if (state.status !== 'failed' || error !== state.error) throw error;
      return operation(await this.#connected());
    }
  }

  /** The client if there is one, or soon will be. */
  async current(): Promise<ExecServerClient | undefined> {
    const state = this.#state;
    if (state.step === 'open') return state.client;
    if (state.step !== 'connecting') return undefined;
    return state.attempt.catch(() => undefined); // whoever made the attempt is told
  }

  status(): EnvironmentStatus {
    return statusOf(this.#state);
  }

  onStatusChange(listener: EnvironmentStatusListener): () => void {
    return this.#news.subscribe(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #connected(): Promise<ExecServerClient> {
    const state = this.#state;
    switch (state.step) {
      case 'closed':
        return Promise.reject(this.#closedError());
      case 'connecting':
        return state.attempt;
      case 'open':
        return hasEnded(state.client) ? this.#begin() : Promise.resolve(state.client);
      case 'idle':
        return this.#begin();
      default:
        return state satisfies never;
    }
  }

  #begin(): Promise<ExecServerClient> {
    const cancel = new AbortController();
    const attempt = this.#attempt(cancel.signal);
    this.#become({ step: 'connecting', attempt, cancel });
    return attempt;
  }

  async #attempt(signal: AbortSignal): Promise<ExecServerClient> {
    let client: ExecServerClient;
    try {
      await Promise.resolve(); // the state is `connecting` before anything else happens
      client = await this.#connect(signal);
    } catch (error) {
      if (signal.aborted) throw this.#closedError();
      const failure = new EnvironmentConnectError(this.#id, error);
      this.#become({ step: 'idle', reason: failure.reason });
      throw failure;
    }
    if (signal.aborted) {
      await client.close();
      throw this.#closedError();
    }
    client.onStateChange(() => this.#news.announce(this.status()));
    this.#become({ step: 'open', client });
    return client;
  }

  async #close(): Promise<void> {
    const state = this.#state;
    this.#become({ step: 'closed' });
    if (state.step === 'open') await state.client.close({ terminateProcesses: true });
    if (state.step === 'connecting') {
      state.cancel.abort(this.#closedError());
      await state.attempt.catch(() => undefined); // whoever made the attempt is told
    }
  }

  #become(state: State): void {
    this.#state = state;
    this.#news.announce(this.status());
  }

  #closedError(): EnvironmentClosedError {
    return new EnvironmentClosedError(`environment \`${this.#id}\``);
  }
}

function statusOf(state: State): EnvironmentStatus {
  switch (state.step) {
    case 'idle':
      return { status: 'disconnected', reason: state.reason };
    case 'connecting':
      return { status: 'connecting' };
    case 'open':
      return statusOfClient(state.client.state);
    case 'closed':
      return { status: 'disconnected', reason: 'closed' };
    default:
      return state satisfies never;
  }
}

function statusOfClient(state: ClientState): EnvironmentStatus {
  switch (state.status) {
    case 'connecting':
      return { status: 'connecting' };
    case 'connected':
      return { status: 'ready' };
    case 'recovering':
      return { status: 'recovering', reason: state.reason };
    case 'failed':
    case 'closed':
      return { status: 'disconnected', reason: state.reason };
    default:
      return state satisfies never;
  }
}

function hasEnded({ state }: ExecServerClient): boolean {
  return state.status === 'failed' || state.status === 'closed';
}
