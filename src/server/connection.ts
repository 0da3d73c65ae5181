import { ErrorCode, invalidRequest, WireError } from '../protocol/errors.js';
import {
  INITIALIZED,
  isMethodName,
  type MethodName,
  methods,
  type ParamsOf,
  type ResultOf,
} from '../protocol/methods.js';
import { validateParams } from '../protocol/validate.js';
import { type Channel, CloseCode, type CloseInfo } from '../rpc/channel.js';
import { type IncomingRequest, RpcPeer } from '../rpc/peer.js';
import { announcedInfo } from './announced-info.js';
import type { Handlers, RequestContext, ServerServices } from './handlers.js';
import { INITIALIZE_TIMEOUT_MS } from './limits.js';
import type { Session } from './session.js';

/** How far the handshake of a connection has come. */
type Phase =
  | { at: 'connected' }
  /** A resume is being decided. */
  | { at: 'initializing' }
  | { at: 'initialized'; session: Session }
  /** The client has confirmed with `initialized`: everything is allowed. */
  | { at: 'ready'; session: Session }
  | { at: 'closed' };

/** One client's connection: the handshake, then requests handed to their handlers side by side. */
export class Connection {
  readonly channel: Channel;
  readonly #services: ServerServices;
  readonly #handlers: Handlers;
  readonly #peer: RpcPeer;
  readonly #ended = new AbortController();
  readonly #initializeTimer: NodeJS.Timeout;
  #phase: Phase = { at: 'connected' };

  constructor(channel: Channel, services: ServerServices, handlers: Handlers) {
    this.channel = channel;
    this.#services = services;
    this.#handlers = handlers;
    this.#peer = new RpcPeer(channel, {
      request: (request) => this.#request(request),
      notification: (method) => this.#notification(method),
      strayResponse: () => this.#violation('a response came although nothing was asked'),
      closed: (info) => this.#closed(info),
    });
    const limitMs = services.initializeTimeoutMs ?? INITIALIZE_TIMEOUT_MS;
    this.#initializeTimer = setTimeout(
      () => channel.close(CloseCode.policyViolation, `no initialize within ${limitMs / 1000} s`),
      limitMs,
    );
    this.#initializeTimer.unref();
    this.#peer.start();
  }

  get closed(): boolean {
    return this.#phase.at === 'closed';
  }

  /** Another connection has taken the session over. What still waits here is told so. */
  supersede(): void {
    const reason = 'session has been resumed by another connection';
    this.#ended.abort(invalidRequest('session_resumed_elsewhere', reason));
    // The rejections above reach the channel in the microtasks before this.
    setImmediate(() => this.channel.close(CloseCode.policyViolation, reason));
  }

  async #request(request: IncomingRequest): Promise<unknown> {
    const { method } = request;
    if (!isMethodName(method)) {
      throw new WireError(ErrorCode.unknownMethod, `exec-server stub does not implement \`${method}\` yet`, {
        kind: 'unknown_method',
      });
    }
    const params = validateParams(method, request.params);
    if (method === 'initialize') return this.#initialize(params as ParamsOf<'initialize'>);
    const session = this.#readySession(method);
    return this.#handle(method, params, {
      session,
      services: this.#services,
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

  async #initialize({ resumeSessionId }: ParamsOf<'initialize'>): Promise<ResultOf<'initialize'>> {
    if (this.#phase.at !== 'connected') {
      throw invalidRequest('already_initialized', 'initialize may only be sent once per connection');
    }
    this.#phase = { at: 'initializing' };
    try {
      const { sessions, processes } = this.#services;
      const environmentInfo = await announcedInfo(processes, sessions.ttlMs);
      const session = resumeSessionId == null ? sessions.create(this) : await sessions.resume(resumeSessionId, this);
      if (this.closed) {
        sessions.detach(session, this);
        throw invalidRequest('disconnected', 'the connection ended during initialize');
      }
      this.#phase = { at: 'initialized', session };
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
      case 'closed':
        throw invalidRequest('disconnected', 'the connection has ended');
    }
  }

  #notification(method: string): void {
    if (method === INITIALIZED && this.#phase.at === 'initialized') {
      this.#phase = { at: 'ready', session: this.#phase.session };
    } else if (method === INITIALIZED && this.#phase.at !== 'ready') {
      this.#violation('`initialized` came before `initialize` was answered');
    } else if (method !== INITIALIZED) {
      this.#violation(`unknown notification \`${method}\``);
    }
  }

  #violation(what: string): void {
    this.channel.close(CloseCode.protocolError, `protocol violation: ${what}`);
  }

  #closed(info: CloseInfo): void {
    clearTimeout(this.#initializeTimer);
    const phase = this.#phase;
    this.#phase = { at: 'closed' };
    this.#ended.abort(invalidRequest('disconnected', `the connection has ended: ${info.reason}`));
    if (phase.at === 'initialized' || phase.at === 'ready') this.#services.sessions.detach(phase.session, this);
    this.#services.onConnectionClosed(this, info);
  }
}
