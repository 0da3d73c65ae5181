import { setMaxListeners } from 'node:events';
import { ErrorCode, invalidRequest, WireError } from '../protocol/errors.js';
import {
  INITIALIZED,
  isMethodName,
  type MethodName,
  methods,
  type ParamsOf,
  type ResultOf,
} from '../protocol/methods.js';
import { isStreamNotification } from '../protocol/tcp-methods.js';
import { validateParams } from '../protocol/validate.js';
import { type Channel, CloseCode, type CloseInfo } from '../rpc/channel.js';
import { type IncomingRequest, RpcPeer } from '../rpc/peer.js';
import { WireStreams } from '../tcp/wire-streams.js';
import { announcedInfo } from './announced-info.js';
import type { Handlers, RequestContext, ServerServices } from './handlers.js';
import { HttpExchanges } from './http-exchanges.js';
import { INITIALIZE_TIMEOUT_MS } from './limits.js';
import type { Session } from './session.js';

/** How far the handshake of a connection has come. */
type Phase =
  | { at: 'connected' }
  /** Under way. What the client sends meanwhile waits for the outcome; `confirmed`: `initialized` has come already. */
  | { at: 'initializing'; settled: Promise<void>; confirmed: boolean }
  | { at: 'initialized'; session: Session }
  /** The client has confirmed with `initialized`: everything is allowed. */
  | { at: 'ready'; session: Session }
  /** Another connection has the session now; this one is about to be closed. */
  | { at: 'superseded' }
  | { at: 'closed' };

/** One client's connection: the handshake, then requests handed to their handlers side by side. */
export class Connection {
  readonly channel: Channel;
  readonly #services: ServerServices;
  readonly #handlers: Handlers;
  readonly #peer: RpcPeer;
  readonly #exchanges = new HttpExchanges();
  readonly #streams = new WireStreams();
  readonly #ended = new AbortController();
  readonly #initializeTimer: NodeJS.Timeout | undefined;
  #phase: Phase = { at: 'connected' };

  constructor(channel: Channel, services: ServerServices, handlers: Handlers) {
    this.channel = channel;
    this.#services = services;
    this.#handlers = handlers;
    setMaxListeners(0, this.#ended.signal); // each TCP stream listens
    this.#peer = new RpcPeer(channel, {
      request: (request) => this.#request(request),
      notification: (method, params) => this.#notification(method, params),
      strayResponse: () => this.#violation('a response came although nothing was asked'),
      closed: (info) => this.#closed(info),
    });
    this.#initializeTimer = services.waitsForClient ? undefined : this.#limitInitialize();
    this.#peer.start();
  }

  #limitInitialize(): NodeJS.Timeout {
    const limitMs = this.#services.initializeTimeoutMs ?? INITIALIZE_TIMEOUT_MS;
    const tooLate = () => this.channel.close(CloseCode.policyViolation, `no initialize within ${limitMs / 1000} s`);
    return setTimeout(tooLate, limitMs).unref();
  }

  get closed(): boolean {
    return this.#phase.at === 'closed';
  }

  /** Another connection has taken the session over. What still waits here is told so. */
  supersede(): void {
    this.#phase = { at: 'superseded' };
    this.#end(supersededError());
    // The rejections above reach the channel in the microtasks before this.
    setImmediate(() => this.channel.close(CloseCode.policyViolation, SUPERSEDED));
  }

  async #request(request: IncomingRequest): Promise<unknown> {
    const { method } = request;
    if (!isMethodName(method)) {
      throw new WireError(ErrorCode.unknownMethod, `exec-server stub does not implement \`${method}\` yet`, {
        kind: 'unknown_method',
      });
    }
    const params = validateParams(method, request.params);
    if (method === 'initialize') return this.#startInitialize(params as ParamsOf<'initialize'>);
    if (this.#phase.at === 'initializing') await this.#phase.settled;
    const session = this.#readySession(method);
    return this.#handle(method, params, {
      session,
      services: this.#services,
      channel: this.channel,
      exchanges: this.#exchanges,
      streams: this.#streams,
      signal: this.#ended.signal,
      afterAnswer: request.afterAnswer,
    });
  }

  #handle<M extends MethodName>(method: M, params: ParamsOf<M>, context: RequestContext): Promise<ResultOf<M>> {
    const handler = this.#handlers[method];
    if (handler) return handler(params, context);
    throw new WireError(
      ErrorCode.unknownMethod,
      `this server does not serve \`${method}\`: it was not given that capability`,
      {
        kind: 'capability_unavailable',
      },
    );
  }

  #startInitialize(params: ParamsOf<'initialize'>): Promise<ResultOf<'initialize'>> {
    if (this.#phase.at !== 'connected') {
      throw invalidRequest('already_initialized', 'initialize may only be sent once per connection');
    }
    const answer = this.#initialize(params);
    const done = () => undefined;
    this.#phase = { at: 'initializing', settled: answer.then(done, done), confirmed: false };
    return answer;
  }

  async #initialize({ resumeSessionId }: ParamsOf<'initialize'>): Promise<ResultOf<'initialize'>> {
    try {
      const { sessions } = this.#services;
      const environmentInfo = await announcedInfo(this.#services);
      const session = resumeSessionId == null ? sessions.create(this) : await sessions.resume(resumeSessionId, this);
      if (this.closed) {
        sessions.detach(session, this);
        throw invalidRequest('disconnected', 'the connection ended during initialize');
      }
      const confirmed = this.#phase.at === 'initializing' && this.#phase.confirmed;
      this.#phase = { at: confirmed ? 'ready' : 'initialized', session };
      clearTimeout(this.#initializeTimer);
      this.#services.onInitialized?.(this);
      return { sessionId: session.id, environmentInfo, capabilities: environmentInfo.capabilities };
    } catch (error) {
      // A failed resume does not use up the one initialize.
      if (!this.closed) this.#phase = { at: 'connected' };
      throw error;
    }
  }

  #readySession(method: MethodName): Session {
    const { family } = methods[method];
    switch (this.#phase.at) {
      case 'ready':
        return this.#phase.session;
      case 'initialized':
        throw invalidRequest('not_initialized', `client must send initialized before using ${family} methods`);
      case 'connected':
      case 'initializing':
        throw invalidRequest('not_initialized', `client must call initialize before using ${family} methods`);
      case 'superseded':
        throw supersededError();
      case 'closed':
        throw invalidRequest('disconnected', 'the connection has ended');
    }
  }

  #notification(method: string, params: unknown): void {
    if (isStreamNotification(method)) {
      this.#streams.deliver(method, params);
      return;
    }
    if (method !== INITIALIZED) {
      this.#violation(`unknown notification \`${method}\``);
      return;
    }
    switch (this.#phase.at) {
      case 'initialized':
        this.#phase = { at: 'ready', session: this.#phase.session };
        return;
      case 'initializing':
        this.#phase.confirmed = true;
        return;
      case 'connected':
        this.#violation('`initialized` came before `initialize`');
        return;
      case 'ready': // once more changes nothing
      case 'superseded':
      case 'closed':
        return;
    }
  }

  /** Ends what waits or goes on for this connection. */
  #end(reason: WireError): void {
    this.#ended.abort(reason);
    this.#exchanges.cancelAll();
    this.#streams.failAll(reason);
  }

  #violation(what: string): void {
    this.channel.close(CloseCode.protocolError, `protocol violation: ${what}`);
  }

  #closed(info: CloseInfo): void {
    clearTimeout(this.#initializeTimer);
    const phase = this.#phase;
    this.#phase = { at: 'closed' };
    this.#end(invalidRequest('disconnected', `the connection has ended: ${info.reason}`));
    if (phase.at === 'initialized' || phase.at === 'ready') this.#services.sessions.detach(phase.session, this);
    this.#services.onConnectionClosed(this, info);
  }
}

const SUPERSEDED = 'session has been resumed by another connection';

function supersededError(): WireError {
  return invalidRequest('session_resumed_elsewhere', SUPERSEDED);
}
