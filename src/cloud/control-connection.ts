import type { z } from 'zod';
import { ErrorCode, internalError, invalidParams, WireError } from '../protocol/errors.js';
import { VERSION } from '../protocol/version.js';
import {
  CONTROL_VERSION,
  type ControlHello,
  controlDial,
  controlHelloAnswer,
  controlMethods,
  controlMove,
} from '../registry/control-methods.js';
import { isSafeWebSocketUrl } from '../registry/request.js';
import { type Channel, CloseCode } from '../rpc/channel.js';
import { type IncomingRequest, RpcPeer } from '../rpc/peer.js';
import type { ExecServer } from '../server/exec-server.js';
import type { CloudConnection, ConnectionEnd, OpenOptions } from './connection.js';
import { dialSigned } from './dial.js';
import { HELLO_TIMEOUT_MS, MAX_DIALS } from './limits.js';

/** Opens the connection over which a rendezvous of ours tells of every harness that comes. Throws DialError or WireError. */
export async function openControl(server: ExecServer, url: string, options: OpenOptions): Promise<CloudConnection> {
  const control = new ControlConnection(server, await dialSigned(url, options), options);
  try {
    await control.hello();
    return control;
  } catch (error) {
    control.leave();
    throw error;
  }
}

class ControlConnection implements CloudConnection {
  readonly kind = 'control';
  readonly over: Promise<ConnectionEnd>;
  readonly #server: ExecServer;
  readonly #options: OpenOptions;
  readonly #peer: RpcPeer;
  #end: (end: ConnectionEnd) => void = () => undefined;
  #dials = 0;
  #used = false;

  constructor(server: ExecServer, channel: Channel, options: OpenOptions) {
    this.#server = server;
    this.#options = options;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    const openedAt = performance.now();
    this.#peer = new RpcPeer(channel, {
      request: (request) => this.#answer(request),
      notification: (method, params) => {
        // What a later version may say besides is no concern of ours.
        if (method !== controlMethods.move) return;
        this.#end({ type: 'moved', reason: controlMove.safeParse(params).data?.reason ?? 'without a reason' });
      },
      strayResponse: () => channel.close(CloseCode.protocolError, 'a response came although nothing was asked'),
      closed: ({ reason }) =>
        this.#end({ type: 'ended', reason, lastedMs: performance.now() - openedAt, used: this.#used }),
    });
    this.#peer.start();
  }

  async hello(): Promise<void> {
    const { name, labels, signal } = this.#options;
    const hello: ControlHello = { version: CONTROL_VERSION, executorVersion: VERSION, name, labels };
    const answer = await this.#peer.call(controlMethods.hello, hello, { timeoutMs: HELLO_TIMEOUT_MS, signal });
    read(controlHelloAnswer, controlMethods.hello, answer);
  }

  leave(): void {
    this.#peer.channel.close(CloseCode.goingAway, LEAVING);
    this.#end({ type: 'ended', reason: LEAVING, lastedMs: 0, used: true });
  }

  /** Requests come one after the other; what they ask for is done side by side. */
  async #answer({ method, params }: IncomingRequest): Promise<object> {
    if (method !== controlMethods.dial) {
      throw new WireError(ErrorCode.unknownMethod, `no \`${method}\` on a control connection`, {
        kind: 'unknown_method',
      });
    }
    const { signal: _, ...options } = this.#options; // a harness that waits is none of the signal's business
    const { url } = read(controlDial, method, params);
    if (!isSafeWebSocketUrl(url)) throw invalidParams('`url`: expected a wss URL, or a ws URL of loopback');
    if (this.#dials >= MAX_DIALS) {
      throw internalError('limit_reached', `${MAX_DIALS} dials are under way: wait for some of them first`);
    }
    this.#dials++;
    try {
      this.#server.serve(await dialSigned(url, options));
      this.#used = true;
      return {};
    } finally {
      this.#dials--;
    }
  }
}

const LEAVING = 'the executor leaves';

/** Throws WireError, kind `invalid_params`. */
function read<T>(schema: z.ZodType<T>, method: string, params: unknown): T {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalidParams(`invalid params of ${method}: \`${issue?.path.join('.')}\`: ${issue?.message}`);
}
