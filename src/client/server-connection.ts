import { ErrorCode, WireError } from '../protocol/errors.js';
import { MAX_ANSWER_JSON_VALUES } from '../protocol/limits.js';
import { INITIALIZED, type MethodName, type ParamsInput, type ResultOf } from '../protocol/methods.js';
import { validateResult } from '../protocol/validate.js';
import { type Channel, CloseCode, type CloseInfo } from '../rpc/channel.js';
import { type CallOptions, RpcPeer } from '../rpc/peer.js';
import type { Dialer } from './dial.js';
import { readTraits, type ServerTraits } from './server-traits.js';
import { inDialect } from './wire-paths.js';

export interface OpenOptions {
  clientName: string;
  resumeSessionId?: string | undefined;
  connectTimeoutMs: number;
  initializeTimeoutMs: number;
  signal: AbortSignal;
  /** Called from the first message on: notifications of a resumed session may come before `initialize` is answered. */
  onNotification(method: string, params: unknown): void;
  /** Called once, for a connection that had been opened. */
  onClosed(connection: ServerConnection, info: CloseInfo): void;
  /** The number of calls that wait for an answer has changed. */
  onPendingCalls?: (() => void) | undefined;
}

/** One initialized connection to a server. It ends once, and is never used again. */
export class ServerConnection {
  readonly sessionId: string;
  readonly traits: ServerTraits;
  readonly channel: Channel;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  readonly #peer: RpcPeer;
  readonly #onPendingCalls: (() => void) | undefined;
  #pendingCalls = 0;

  private constructor(peer: RpcPeer, answer: ResultOf<'initialize'>, ended: Promise<void>, options: OpenOptions) {
    this.ended = ended;
    this.#peer = peer;
    this.channel = peer.channel;
    this.sessionId = answer.sessionId;
    this.traits = readTraits(answer);
    this.#onPendingCalls = options.onPendingCalls;
  }

  /** Dials and shakes hands. Throws DialError, WireError (the answer), RpcTimeoutError, ConnectionClosedError or the signal's reason. */
  static async open(dialer: Dialer, options: OpenOptions): Promise<ServerConnection> {
    const { clientName, resumeSessionId, signal } = options;
    signal.throwIfAborted();
    const channel = await dialer.dial({ timeoutMs: options.connectTimeoutMs, signal });
    let opened: ServerConnection | undefined;
    let resolveEnded!: () => void;
    const ended = new Promise<void>((resolve) => {
      resolveEnded = resolve;
    });
    const peer = new RpcPeer(
      channel,
      {
        request: ({ method }) =>
          Promise.reject(
            new WireError(ErrorCode.unknownMethod, `this client answers no requests: \`${method}\``, {
              kind: 'unknown_method',
            }),
          ),
        notification: options.onNotification,
        strayResponse: () => channel.close(CloseCode.protocolError, 'a response came although nothing was asked'),
        closed: (info) => {
          resolveEnded();
          if (opened) options.onClosed(opened, info);
        },
      },
      { maxValues: MAX_ANSWER_JSON_VALUES },
    );
    peer.start();
    try {
      const answer = await peer.call(
        'initialize',
        { clientName, ...(resumeSessionId === undefined ? {} : { resumeSessionId }) },
        { timeoutMs: options.initializeTimeoutMs, signal },
      );
      opened = new ServerConnection(peer, validateResult('initialize', answer), ended, options);
    } catch (error) {
      channel.terminate('the handshake failed');
      throw error;
    }
    peer.notify(INITIALIZED, {});
    return opened;
  }

  /** Why it has ended, once it has. */
  get closeInfo(): CloseInfo | undefined {
    return this.#peer.closeInfo;
  }

  get pendingCalls(): number {
    return this.#pendingCalls;
  }

  /** Sends at once: calls go out in the order in which they are made. */
  call<M extends MethodName>(method: M, params: ParamsInput<M>, options?: CallOptions): Promise<ResultOf<M>> {
    let translated: unknown;
    try {
      translated = inDialect(params, this.traits.dialect);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#pendingCalls++;
    this.#onPendingCalls?.();
    const settled = () => {
      this.#pendingCalls--;
      this.#onPendingCalls?.();
    };
    return this.#peer.call(method, translated, options).then(
      (result) => {
        settled();
        return validateResult(method, result);
      },
      (error: unknown) => {
        settled();
        throw error;
      },
    );
  }
}
