import { WireError } from '../protocol/errors.js';
import type { MethodName, ParamsInput, ResultOf } from '../protocol/methods.js';
import { isStreamNotification } from '../protocol/tcp-methods.js';
import { CloseCode, type CloseInfo } from '../rpc/channel.js';
import { ConnectionClosedError, TooManyCallsError } from '../rpc/errors.js';
import { MAX_PENDING_CALLS, RESERVED_PENDING_CALLS } from '../rpc/limits.js';
import { WireStreams } from '../tcp/wire-streams.js';
import { type ConnectionEvent, type ConnectionState, transition } from './connection-state.js';
import type { Dialer } from './dial.js';
import { asSent, type ClientEndError, isUnknownSession, ProcessLostError, SessionLostError } from './errors.js';
import { forEachBounded } from './for-each-bounded.js';
import { CATCH_UP_CONCURRENCY, CATCH_UP_TIMEOUT_MS, MAX_SUSPICIONS, RECOVERY_DEADLINE_MS } from './limits.js';
import { type LinkCallOptions, OutgoingCall } from './outgoing-call.js';
import type { ProcessFeed } from './process-feed.js';
import { ProcessFeeds } from './process-feeds.js';
import { ReadingBrake } from './reading-brake.js';
import { recover } from './recovery.js';
import { RemoteBodies } from './remote-bodies.js';
import { RemoteWatchers } from './remote-watcher.js';
import { mayRepeat } from './repeatable.js';
import { type OpenOptions, ServerConnection } from './server-connection.js';
import type { ServerTraits } from './server-traits.js';
import { WaitingLine } from './waiting-line.js';

export interface LinkOptions extends Pick<OpenOptions, 'clientName' | 'connectTimeoutMs' | 'initializeTimeoutMs'> {
  dialer: Dialer;
  recovery: { deadlineMs?: number | undefined } | false;
  onStateChange(state: ConnectionState<ServerConnection>): void;
}

/**
 * A session with a server, whatever becomes of the connections that carry it. Calls go out in the order in which they
 * are made; while there is no connection they wait for one.
 */
export class SessionLink {
  readonly feeds: ProcessFeeds;
  readonly watchers = new RemoteWatchers();
  readonly bodies = new RemoteBodies();
  readonly streams = new WireStreams();
  readonly #options: LinkOptions;
  readonly #line = new WaitingLine<OutgoingCall>();
  readonly #brake = new ReadingBrake<object>();
  readonly #ended = new AbortController();
  #state: ConnectionState<ServerConnection> = { status: 'connecting' };
  #sessionId = '';
  #traits!: ServerTraits;
  /** Notifications of any but the newest connection are late, and ignored. */
  #newestOpening: symbol | undefined;
  #nextTicket = 1;

  private constructor(options: LinkOptions) {
    this.#options = options;
    this.feeds = new ProcessFeeds({
      read: (params) => this.call('process/read', params),
      pressure: (feed, pressed) => this.brake(feed, pressed),
    });
  }

  /** Opens a session, or comes back to one. */
  static async open(
    options: LinkOptions,
    first: { resumeSessionId?: string | undefined; signal?: AbortSignal | undefined },
  ): Promise<SessionLink> {
    const link = new SessionLink(options);
    const { resumeSessionId, signal } = first;
    try {
      const connection = await link.#openConnection({
        resumeSessionId,
        signal: signal ?? link.#ended.signal,
        connectTimeoutMs: options.connectTimeoutMs,
        initializeTimeoutMs: options.initializeTimeoutMs,
      });
      if (connection.closeInfo) throw new ConnectionClosedError(connection.closeInfo.reason, false);
      link.#sessionId = connection.sessionId;
      link.#apply({ type: 'opened', connection });
      return link;
    } catch (error) {
      throw isUnknownSession(error) ? new SessionLostError(error.message, false, { cause: error }) : error;
    }
  }

  get sessionId(): string {
    return this.#sessionId;
  }

  get state(): ConnectionState<ServerConnection> {
    return this.#state;
  }

  /** Of the server at the other end, as its latest answer to `initialize` has it. */
  get traits(): ServerTraits {
    return this.#traits;
  }

  call<M extends MethodName>(method: M, params: ParamsInput<M>, options: LinkCallOptions = {}): Promise<ResultOf<M>> {
    const call = new OutgoingCall(this.#nextTicket++, method, params, options);
    this.#dispatch(call as unknown as OutgoingCall);
    return call.result;
  }

  /** Ends it for good: everything is refused from now on, for this reason. Resolves when the connection is gone. */
  async close(reason: string): Promise<void> {
    const connection = this.#state.status === 'connected' ? this.#state.connection : undefined;
    this.#apply({ type: 'closed', error: new ConnectionClosedError(reason, false) });
    connection?.channel.close(CloseCode.normal, reason);
    await connection?.ended;
  }

  /** Stops reading from the server while somebody who cannot be held back otherwise is too far behind. */
  brake(by: object, pressed: boolean): void {
    this.#brake.press(by, pressed);
  }

  #dispatch(call: OutgoingCall): void {
    const state = this.#state;
    switch (state.status) {
      case 'connected':
        call.send(state.connection, (error) => this.#callFailed(call, state.connection, error));
        return;
      case 'connecting':
      case 'recovering': {
        const limit = MAX_PENDING_CALLS + (call.cleanup ? RESERVED_PENDING_CALLS : 0);
        // One that is in line again has its place: it was among the pending ones that are no more.
        if (!call.mayHaveExecuted && this.#line.size >= limit) {
          call.fail(new TooManyCallsError(limit));
          return;
        }
        this.#line.add(call);
        call.wait(() => this.#line.remove(call));
        return;
      }
      case 'failed':
      case 'closed':
        call.fail(call.mayHaveExecuted ? asSent(state.error) : state.error);
        return;
      default:
        state satisfies never;
    }
  }

  /** Our state has changed before the calls of a lost connection get here: it says what is to become of them. */
  #callFailed(call: OutgoingCall, connection: ServerConnection, error: unknown): void {
    if (!(error instanceof ConnectionClosedError)) {
      call.fail(error);
      return;
    }
    if (error.mayHaveExecuted) call.wasCut();
    const canGoOn = this.#state.status !== 'failed' && this.#state.status !== 'closed';
    if (canGoOn && error.mayHaveExecuted) {
      // A message that the server hung up on because of its size would be hung up on again.
      const poisonous = connection.closeInfo?.code === CloseCode.tooBig || call.suspicions >= MAX_SUSPICIONS;
      if (poisonous || !mayRepeat(call.method, call.params, connection.traits)) {
        call.fail(error);
        return;
      }
    }
    this.#dispatch(call);
  }

  #openConnection(
    options: Pick<OpenOptions, 'resumeSessionId' | 'signal' | 'connectTimeoutMs' | 'initializeTimeoutMs'>,
  ): Promise<ServerConnection> {
    const opening = Symbol('opening');
    this.#newestOpening = opening;
    return ServerConnection.open(this.#options.dialer, {
      ...options,
      clientName: this.#options.clientName,
      onNotification: (method, params) => {
        if (this.#newestOpening !== opening) return;
        if (method === 'fs/changed') this.watchers.deliver(params);
        else if (method === 'http/request/bodyDelta') this.bodies.deliver(params);
        else if (isStreamNotification(method)) this.streams.deliver(method, params);
        else this.feeds.deliver(method, params);
      },
      onClosed: (connection, info) => {
        this.#apply({ type: 'lost', connection, reason: info.reason, end: this.#endBecauseOf(info) });
      },
      onPendingCalls: () => this.#brake.update(),
    });
  }

  /** The end of the whole link that the end of a connection means, if it does. */
  #endBecauseOf({ code, reason }: CloseInfo): ClientEndError | undefined {
    const takenOver = code === CloseCode.policyViolation && /resumed by another connection/.test(reason);
    // Our server's words. 1001 alone may be a proxy that goes away, behind which the session lives on.
    const shutDown = code === CloseCode.goingAway && /server is shutting down/.test(reason);
    if (takenOver || shutDown) return new SessionLostError(reason, false);
    const { recovery, dialer } = this.#options;
    return recovery && dialer.resumable ? undefined : new ConnectionClosedError(reason, false);
  }

  #apply(event: ConnectionEvent<ServerConnection>): void {
    const before = this.#state;
    const state = transition(before, event);
    if (state === before) return;
    this.#state = state;
    switch (state.status) {
      case 'connecting':
        break;
      case 'connected':
        this.#traits = state.connection.traits;
        this.#brake.attach(state.connection);
        for (const call of this.#line.takeAll()) this.#dispatch(call);
        break;
      case 'recovering':
        this.#brake.attach(undefined);
        if (before.status !== 'recovering') {
          const error = new ConnectionClosedError(state.reason, true);
          this.bodies.failAll(error);
          this.streams.failAll(error);
          void this.#recover(state.reason);
        }
        break;
      case 'failed':
      case 'closed':
        this.#brake.attach(undefined);
        this.#newestOpening = undefined;
        this.#ended.abort(state.error);
        this.feeds.failAll(state.error);
        this.watchers.failAll(state.error);
        this.bodies.failAll(asSent(state.error));
        this.streams.failAll(asSent(state.error));
        for (const call of this.#line.takeAll()) this.#dispatch(call);
        break;
      default:
        state satisfies never;
    }
    this.#options.onStateChange(state);
  }

  async #recover(lostBecause: string): Promise<void> {
    const { recovery } = this.#options;
    const chosenMs = recovery === false ? undefined : recovery.deadlineMs;
    const deadlineMs = chosenMs ?? this.#traits.sessionTtlMs ?? RECOVERY_DEADLINE_MS;
    try {
      const connection = await recover({
        deadlineMs,
        lostBecause,
        signal: this.#ended.signal,
        onAttempt: () => this.#apply({ type: 'attempt' }),
        attempt: (limits) => this.#resume(limits),
      });
      this.#apply({ type: 'opened', connection });
      // It may have ended between the last answer and now; then nobody has heard of it yet.
      if (connection.closeInfo) {
        const info = connection.closeInfo;
        this.#apply({ type: 'lost', connection, reason: info.reason, end: this.#endBecauseOf(info) });
      }
    } catch (error) {
      this.#apply({ type: 'gaveUp', error: error as ClientEndError });
    }
  }

  /** One attempt: a new connection to the same session, and every process brought up to date over it. */
  async #resume({ signal, remainingMs }: { signal: AbortSignal; remainingMs: number }): Promise<ServerConnection> {
    const connection = await this.#openConnection({
      resumeSessionId: this.#sessionId,
      signal,
      connectTimeoutMs: Math.min(this.#options.connectTimeoutMs, remainingMs),
      initializeTimeoutMs: Math.min(this.#options.initializeTimeoutMs, remainingMs),
    });
    try {
      if (connection.sessionId !== this.#sessionId) {
        throw new SessionLostError('the server gave a new session instead of the one that was asked for', false);
      }
      // A process that is being started is not there yet: whoever starts it asks for it.
      const feeds = this.feeds.all().filter((feed) => feed.confirmed);
      await forEachBounded(feeds, CATCH_UP_CONCURRENCY, (feed) => catchUp(feed, connection, signal));
      signal.throwIfAborted();
      return connection;
    } catch (error) {
      connection.channel.terminate('the session could not be resumed on it');
      throw error;
    }
  }
}

/** Rejects when the connection failed; an error answer concerns this process alone. */
async function catchUp(feed: ProcessFeed, connection: ServerConnection, signal: AbortSignal): Promise<void> {
  try {
    await feed.catchUp((params) => connection.call('process/read', params, { timeoutMs: CATCH_UP_TIMEOUT_MS, signal }));
  } catch (error) {
    if (!(error instanceof WireError) || signal.aborted) throw error;
    // The session has gone elsewhere while we asked: the next attempt to resume it will tell.
    if (error.kind === 'session_resumed_elsewhere' || error.kind === 'disconnected') {
      throw new ConnectionClosedError(error.message, false, { cause: error });
    }
    feed.fail(new ProcessLostError(feed.processId, error.message, { cause: error }));
  }
}
