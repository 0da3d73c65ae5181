import type { Duplex } from 'node:stream';
import { ErrorCode, WireError } from '../protocol/errors.js';
import { CONTROL_VERSION, type ControlHello, controlHello, controlMethods } from '../registry/control-methods.js';
import { type Channel, CloseCode } from '../rpc/channel.js';
import { RpcPeer } from '../rpc/peer.js';
import type { ExecutorConnection, PairRequest } from './cluster.js';
import { RendezvousError } from './errors.js';
import type { ExecutorLink } from './executor-link.js';
import {
  HELLO_TIMEOUT_MS,
  MAX_PAIRS_PER_EXECUTOR,
  PAIR_TIMEOUT_MS,
  PROBE_TIMEOUT_MS,
  RETRY_AFTER_MS,
} from './limits.js';

export interface ControlLinkOptions {
  environmentId: string;
  registrationId: string;
  connection: ExecutorConnection;
  channel: Channel;
  /** The executor has introduced itself, and is answered when this resolves. */
  onHello(link: ControlLink, hello: ControlHello): Promise<void>;
  /** The harnesses of the connection have changed. */
  onChange(): void;
  /** A signed URL for the connection that a harness waits for. */
  dialUrl(request: PairRequest): Promise<string>;
}

/** An executor's control connection: over it the executor is asked to dial one WebSocket per harness. */
export class ControlLink implements ExecutorLink {
  readonly environmentId: string;
  readonly registrationId: string;
  readonly connection: ExecutorConnection;
  readonly ended: Promise<string>;
  readonly #options: ControlLinkOptions;
  readonly #peer: RpcPeer;
  readonly #pairs = new Set<string>();
  #moving = false;

  constructor(options: ControlLinkOptions) {
    this.environmentId = options.environmentId;
    this.registrationId = options.registrationId;
    this.connection = options.connection;
    this.#options = options;
    const { channel } = options;
    const silent = setTimeout(
      () => channel.close(CloseCode.policyViolation, `no ${controlMethods.hello} within ${HELLO_TIMEOUT_MS} ms`),
      HELLO_TIMEOUT_MS,
    );
    let end: (reason: string) => void = () => undefined;
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#peer = new RpcPeer(channel, {
      request: async ({ method, params }) => {
        const hello = readHello(method, params);
        clearTimeout(silent);
        await options.onHello(this, hello);
        return { version: CONTROL_VERSION };
      },
      notification: () => undefined, // of a newer executor
      strayResponse: () => channel.close(CloseCode.protocolError, 'a response came although nothing was asked'),
      closed: ({ reason }) => {
        clearTimeout(silent);
        end(reason);
      },
    });
    this.#peer.start();
  }

  probe(): Promise<boolean> {
    return this.#moving ? Promise.resolve(false) : this.#options.channel.probe(PROBE_TIMEOUT_MS);
  }

  async pair(request: PairRequest): Promise<Duplex | undefined> {
    if (this.#pairs.size >= MAX_PAIRS_PER_EXECUTOR) {
      throw new RendezvousError(
        'environment_in_use',
        `environment \`${this.environmentId}\` has ${MAX_PAIRS_PER_EXECUTOR} harnesses, and takes no more`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    this.#pairs.add(request.pairId);
    this.#changed();
    try {
      const url = await this.#options.dialUrl(request);
      await this.#peer.call(controlMethods.dial, { connectionId: request.pairId, url }, { timeoutMs: PAIR_TIMEOUT_MS });
    } catch (error) {
      this.unpaired(request.pairId);
      throw new RendezvousError(
        'environment_offline',
        `environment \`${this.environmentId}\` could not connect to this harness: ${error instanceof Error ? error.message : String(error)}`,
        { retryAfterMs: RETRY_AFTER_MS, cause: error },
      );
    }
    return undefined;
  }

  unpaired(pairId: string): void {
    if (this.#pairs.delete(pairId)) this.#changed();
  }

  drop(): void {
    this.#options.channel.close(CloseCode.goingAway, 'another connection of this executor has taken over');
  }

  move(reason: string): void {
    this.#moving = true;
    this.#peer.notify(controlMethods.move, { reason });
  }

  #changed(): void {
    this.connection.harnesses = this.#pairs.size;
    this.#options.onChange();
  }
}

function readHello(method: string, params: unknown): ControlHello {
  if (method !== controlMethods.hello) {
    throw new WireError(ErrorCode.unknownMethod, `expected ${controlMethods.hello}, got \`${method}\``, {
      kind: 'unknown_method',
    });
  }
  const parsed = controlHello.safeParse(params);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new WireError(ErrorCode.invalidParams, `control/hello: \`${issue?.path.join('.')}\`: ${issue?.message}`, {
    kind: 'invalid_params',
  });
}
