import { setTimeout as delay } from 'node:timers/promises';
import { idempotencyId } from '../registry/executor-idempotency.js';
import { type Registration, type RegistrationRequest, registerExecutor } from '../registry/executor-registration.js';
import type { RegistryAccess } from '../registry/request.js';
import type { ExecServer } from '../server/exec-server.js';
import { DialError } from '../transport/dial-error.js';
import { type CloudEvent, type CloudState, initialState, transition } from './cloud-state.js';
import { type CloudConnection, openConnection } from './connection.js';
import { type CloudNews, logNews } from './news.js';
import { type CloudOptions, checkCloudOptions, DEFAULT_NAME } from './options.js';
import { registryFetch } from './registry-fetch.js';

export interface CloudServing extends AsyncDisposable {
  /** Resolves when it has been closed. Rejects with RegistrationFailedError when trying again would be no use. */
  readonly ended: Promise<void>;
  /** Takes no more harnesses; those that are connected stay until they leave or the server closes. Idempotent. */
  close(): Promise<void>;
}

/**
 * Registers with a registry, dials what it is told, and has the server serve every harness that comes that way, until it
 * is closed. Whatever is cut comes back by itself; sessions live in the server, so harnesses resume them. Throws
 * CloudOptionError.
 */
export function serveCloud(server: ExecServer, options: CloudOptions): CloudServing {
  checkCloudOptions(options);
  const executor = new CloudExecutor(server, options);
  const ended = executor.run();
  ended.catch(() => undefined); // the news have told; who waits for the end is told as well
  const close = () => executor.close(ended);
  return { ended, close, [Symbol.asyncDispose]: close };
}

type Event = CloudEvent<CloudConnection>;
type State = CloudState<CloudConnection>;

class CloudExecutor {
  readonly #server: ExecServer;
  readonly #options: CloudOptions;
  readonly #access: RegistryAccess;
  readonly #request: RegistrationRequest;
  readonly #closing = new AbortController();
  #state: State = initialState;
  /** The connection that we were asked to leave, until there is another. */
  #leaving: CloudConnection | undefined;

  constructor(server: ExecServer, options: CloudOptions) {
    const { baseUrl, credentials, environmentId, labels, contract } = options;
    const name = options.name ?? DEFAULT_NAME;
    this.#server = server;
    this.#options = options;
    this.#access = { baseUrl, headers: () => credentials.headers(), fetch: registryFetch };
    this.#request = {
      environmentId,
      name,
      labels,
      contract,
      idempotencyId: idempotencyId(environmentId, name),
      signal: this.#closing.signal,
    };
  }

  async run(): Promise<void> {
    for (;;) {
      const state = this.#state;
      if (state.at === 'closed') return;
      if (state.at === 'failed') throw state.error;
      const event = await this.#step(state);
      const { random = Math.random } = this.#options;
      this.#state = transition(state, event, { random, inUse: this.#server.sessionCount > 0 });
      this.#follow(event, state);
    }
  }

  async close(ended: Promise<void>): Promise<void> {
    this.#closing.abort(new Error('the executor leaves the cloud'));
    if (this.#state.at === 'connected') this.#state.connection.leave();
    await ended.catch(() => undefined); // whoever waits for it is told
  }

  /** Does what the state asks for. What came of it. */
  async #step(state: Exclude<State, { at: 'failed' | 'closed' }>): Promise<Event> {
    const { signal } = this.#closing;
    if (state.at !== 'connected' && state.waitMs > 0) await this.#sleep(state.waitMs);
    if (signal.aborted && state.at === 'connected') state.connection.leave(); // opened at the very moment
    const event = signal.aborted ? undefined : await this.#act(state);
    if (event && !signal.aborted) return event;
    if (event?.type === 'opened') event.connection.leave();
    return { type: 'closed' };
  }

  #act(state: Exclude<State, { at: 'failed' | 'closed' }>): Promise<Event> {
    switch (state.at) {
      case 'registering':
        return this.#register();
      case 'dialling':
        return this.#dial(state.registration);
      case 'connected':
        return state.connection.over;
    }
  }

  async #sleep(ms: number): Promise<void> {
    const { sleep = passTime } = this.#options;
    await sleep(ms, this.#closing.signal).catch(() => undefined); // only the signal ends it early
  }

  async #register(): Promise<Event> {
    try {
      return { type: 'registered', registration: await registerExecutor(this.#access, this.#request) };
    } catch (error) {
      return { type: 'registrationFailed', error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  async #dial(registration: Registration): Promise<Event> {
    const { keepAlive } = this.#options;
    const { name, labels } = this.#request;
    const { signal } = this.#closing;
    try {
      const connection = await openConnection(this.#server, registration, { name, labels, keepAlive, signal });
      return { type: 'opened', connection };
    } catch (error) {
      const status = error instanceof DialError ? error.status : undefined;
      return { type: 'dialFailed', status, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** What an event brings with it besides the next state. */
  #follow(event: Event, before: State): void {
    switch (event.type) {
      case 'registered':
        this.#tell({
          type: 'registered',
          registrationId: event.registration.registrationId,
          contract: event.registration.contract,
        });
        break;
      case 'opened':
        this.#leaveOld();
        this.#tell({ type: 'connected', kind: event.connection.kind });
        break;
      case 'moved':
        if (before.at === 'connected') this.#leaving = before.connection;
        this.#tell({ type: 'moving', reason: event.reason });
        break;
      case 'ended':
        this.#tell({ type: 'disconnected', reason: event.reason, waitMs: this.#waitMs });
        break;
      case 'registrationFailed':
        this.#tellOfFailure(event.error.message);
        break;
      case 'dialFailed':
        this.#tellOfFailure(event.reason);
        break;
      case 'closed':
        this.#leaveOld();
        break;
      default:
        event satisfies never;
    }
  }

  #tellOfFailure(reason: string): void {
    const state = this.#state;
    if (state.at === 'failed') {
      this.#leaveOld();
      this.#tell({ type: 'failed', reason: state.error.message });
    } else {
      const next = state.at === 'registering' ? 'register' : 'dial';
      this.#tell({ type: 'retrying', reason, next, waitMs: this.#waitMs });
    }
  }

  get #waitMs(): number {
    return 'waitMs' in this.#state ? Math.round(this.#state.waitMs) : 0;
  }

  #leaveOld(): void {
    this.#leaving?.leave();
    this.#leaving = undefined;
  }

  #tell(news: CloudNews): void {
    const { log, environmentId, onNews } = this.#options;
    if (log) logNews(log, environmentId, news);
    onNews?.(news);
  }
}

function passTime(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal });
}
