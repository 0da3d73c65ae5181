import {
  decodeMessage,
  encodeError,
  encodeNotification,
  encodeRequest,
  encodeResult,
  type RequestId,
  UNREADABLE_ID,
} from '../protocol/envelope.js';
import { ErrorCode, toWireError, WireError } from '../protocol/errors.js';
import { type Channel, CloseCode, type CloseInfo } from './channel.js';
import { ConnectionClosedError, RpcTimeoutError, TooManyCallsError } from './errors.js';
import {
  MAX_ABANDONED_CALLS,
  MAX_INBOUND_BYTES,
  MAX_OUTBOUND_BYTES,
  MAX_PENDING_CALLS,
  RESERVED_PENDING_CALLS,
} from './limits.js';

export interface IncomingRequest {
  method: string;
  params: unknown;
  /** Runs right after the answer has been handed to the channel: what it sends comes after the answer. */
  afterAnswer(action: () => void): void;
}

export interface PeerHandlers {
  /**
   * Answers a request. Called in the order of arrival without waiting for earlier ones; what it does before its first
   * `await` is therefore done in that order.
   */
  request(request: IncomingRequest): Promise<unknown>;
  notification(method: string, params: unknown): void;
  /** An answer to nothing that we asked. Late answers to calls that gave up are not reported. */
  strayResponse(): void;
  /** Called once, after every pending call has been rejected. */
  closed(info: CloseInfo): void;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  /** May use one of the places that are kept for calls that free resources. */
  cleanup?: boolean | undefined;
}

interface PendingCall {
  method: string;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A JSON-RPC peer over a channel: pairs answers with calls, and hands requests and notifications on. */
export class RpcPeer {
  readonly channel: Channel;
  readonly #handlers: PeerHandlers;
  readonly #maxValues: number | undefined;
  readonly #pending = new Map<number, PendingCall>();
  /** Calls that gave up before their answer came; a late answer is theirs, not a violation. */
  readonly #abandoned = new Set<number>();
  #nextId = 1;
  #inboundBytes = 0;
  #readingPaused = false;
  #awaitingDrain = false;
  #closeInfo: CloseInfo | undefined;

  /** `maxValues`: JSON values in one message. Default MAX_JSON_VALUES. */
  constructor(channel: Channel, handlers: PeerHandlers, { maxValues }: { maxValues?: number } = {}) {
    this.channel = channel;
    this.#handlers = handlers;
    this.#maxValues = maxValues;
  }

  /** Starts delivery; separate from the constructor so that handlers may refer to the peer. */
  start(): void {
    this.channel.start({
      message: (text) => this.#receive(text),
      unreadable: (reason) => this.#refuseMessage(reason),
      closed: (info) => this.#closed(info),
    });
  }

  get closeInfo(): CloseInfo | undefined {
    return this.#closeInfo;
  }

  /** Rejects with WireError (the other side's answer), ConnectionClosedError, RpcTimeoutError, TooManyCallsError or the signal's reason. */
  call(method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
    const { signal, timeoutMs, cleanup = false } = options;
    if (this.#closeInfo) return Promise.reject(new ConnectionClosedError(this.#closeInfo.reason, false));
    if (signal?.aborted) return Promise.reject(signal.reason);
    const limit = MAX_PENDING_CALLS + (cleanup ? RESERVED_PENDING_CALLS : 0);
    if (this.#pending.size >= limit) return Promise.reject(new TooManyCallsError(limit));

    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const text = encodeRequest(id, method, params); // first: params without JSON must leave nothing behind
      const settled = () => {
        this.#pending.delete(id);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const giveUp = (reason: unknown) => {
        settled();
        this.#abandon(id);
        reject(reason);
      };
      const onAbort = () => giveUp(signal?.reason);
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => giveUp(new RpcTimeoutError(method, timeoutMs)), timeoutMs);
      signal?.addEventListener('abort', onAbort);
      this.#pending.set(id, {
        method,
        resolve(result) {
          settled();
          resolve(result);
        },
        reject(error) {
          settled();
          reject(error);
        },
      });
      this.channel.send(text);
    });
  }

  notify(method: string, params: unknown): void {
    this.channel.send(encodeNotification(method, params));
  }

  #receive(text: string): void {
    const message = decodeMessage(text, this.#maxValues);
    switch (message.type) {
      case 'request':
        this.#answer(message.id, message.method, message.params, text.length);
        return;
      case 'notification':
        this.#handlers.notification(message.method, message.params);
        return;
      case 'response':
        this.#takePending(message.id)?.resolve(message.result);
        return;
      case 'error':
        this.#takePending(message.id)?.reject(WireError.fromWire(message.error));
        return;
      case 'invalid':
        this.#refuseMessage(message.reason);
        return;
      default:
        message satisfies never;
    }
  }

  #answer(id: RequestId, method: string, params: unknown, bytes: number): void {
    const afterwards: (() => void)[] = [];
    this.#inboundBytes += bytes;
    this.#checkReading();
    const answer = this.#handlers.request({ method, params, afterAnswer: (action) => afterwards.push(action) }).then(
      (result) => encodeResult(id, result),
      (error: unknown) => encodeError(id, toWireError(error).toWire()),
    );
    answer
      .catch((error: unknown) => encodeError(id, toWireError(error).toWire())) // the answer cannot be encoded
      .then((text) => {
        this.channel.send(text);
        for (const action of afterwards) action();
      })
      .catch(() => this.channel.close(CloseCode.internalError, `what follows the answer to ${method} failed`))
      .finally(() => {
        this.#inboundBytes -= bytes;
        this.#checkReading();
      });
  }

  #abandon(id: number): void {
    this.#abandoned.add(id);
    if (this.#abandoned.size <= MAX_ABANDONED_CALLS) return;
    for (const oldest of this.#abandoned) {
      this.#abandoned.delete(oldest);
      return;
    }
  }

  #takePending(id: RequestId): PendingCall | undefined {
    const call = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (call) return call;
    if (typeof id !== 'number' || !this.#abandoned.delete(id)) this.#handlers.strayResponse();
    return undefined;
  }

  #refuseMessage(reason: string): void {
    const message = `failed to parse JSON-RPC message from exec-server ${this.channel.description}: ${reason}`;
    const error = new WireError(ErrorCode.invalidRequest, message, { kind: 'invalid_message' });
    this.channel.send(encodeError(UNREADABLE_ID, error.toWire()));
  }

  /** A client that asks for more than it takes back, or sends more than is worked off, waits in its own socket. */
  #checkReading(): void {
    const full = this.#inboundBytes > MAX_INBOUND_BYTES || this.channel.queuedBytes > MAX_OUTBOUND_BYTES;
    if (full !== this.#readingPaused) {
      this.#readingPaused = full;
      if (full) this.channel.pauseReading();
      else this.channel.resumeReading();
    }
    // Also when it was already paused: requests may have paused it, and their answers be what keeps it so.
    const drained = full && !this.#awaitingDrain ? this.channel.drained() : undefined;
    if (!drained) return;
    this.#awaitingDrain = true;
    void drained.then(() => {
      this.#awaitingDrain = false;
      this.#checkReading();
    });
  }

  #closed(info: CloseInfo): void {
    this.#closeInfo = info;
    for (const call of [...this.#pending.values()]) call.reject(new ConnectionClosedError(info.reason, true));
    this.#abandoned.clear();
    this.#handlers.closed(info);
  }
}
