import { randomUUID } from 'node:crypto';
import { RegistryError } from '../registry/errors.js';
import { bearerHeaders } from '../registry/harness-token.js';
import type { Channel } from '../rpc/channel.js';
import { DialError } from '../transport/dial-error.js';
import { pauseMsAfter, sleep } from './backoff.js';
import type { Dialer, DialLimits, UrlTarget } from './dial.js';
import { REGISTRY_TIMEOUT_MS, RENDEZVOUS_TIMEOUT_MS } from './limits.js';
import { forThisDial, type PerDial } from './per-dial.js';

/** An executor that has registered somewhere, and is reached from there. */
export interface RegistryTarget {
  /** Base URL of the registry: `https://…`, or `http://` to loopback. */
  registry: string;
  environmentId: string;
  /** Sent to the registry as `authorization: Bearer …`, and to nobody else. Asked for at every dial. Never logged. */
  bearerToken?: PerDial<string | undefined> | undefined;
  keepAlive?: UrlTarget['keepAlive'];
}

/**
 * Asks the registry for a signed URL at every dial: each is good once. The first dial, for which nobody makes another
 * attempt, goes on trying for as long as it may take: an executor that has just lost its connection is back in seconds.
 */
export class RegistryDialer implements Dialer {
  readonly resumable = true;
  readonly #target: RegistryTarget;
  /** By this the rendezvous knows that it is us who come back, and lets us take over from our own dead connection. */
  readonly #harnessId = randomUUID();
  #hasDialled = false;

  constructor(target: RegistryTarget) {
    this.#target = target;
  }

  async dial({ timeoutMs, signal }: DialLimits): Promise<Channel> {
    const deadline = performance.now() + timeoutMs;
    let last: DialError | undefined;
    for (let failed = 1; ; failed++) {
      const startedAt = performance.now();
      try {
        const channel = await this.#attempt(deadline, signal);
        this.#hasDialled = true;
        return channel;
      } catch (error) {
        if (this.#hasDialled || signal.aborted || !(error instanceof DialError) || !error.retryable) throw error;
        // What an answer said tells more than that there was none in the little time that was left.
        if (last === undefined || error.status !== undefined || startedAt + REGISTRY_TIMEOUT_MS < deadline)
          last = error;
        const pauseMs = pauseMsAfter(failed, last);
        if (performance.now() + pauseMs >= deadline) throw last;
        await sleep(pauseMs, signal);
      }
    }
  }

  async #attempt(deadline: number, signal: AbortSignal): Promise<Channel> {
    const url = await this.#signedUrl({ timeoutMs: until(deadline, REGISTRY_TIMEOUT_MS), signal });
    const { dialWebSocket } = await import('../transport/websocket-dial.js');
    const { readRefusal } = await import('../registry/request.js');
    const describeRefusal = (body: string) => readRefusal(body).said;
    try {
      const timeoutMs = until(deadline, RENDEZVOUS_TIMEOUT_MS);
      return await dialWebSocket(url, { timeoutMs, signal, describeRefusal, keepAlive: this.#target.keepAlive });
    } catch (error) {
      if (!(error instanceof DialError) || error.retryable) throw error;
      // A signed URL that has expired or been used before is nothing that a fresh one could not put right.
      throw new DialError(error.message, { status: error.status, retryable: true, cause: error });
    }
  }

  async #signedUrl({ timeoutMs, signal }: DialLimits): Promise<string> {
    const { registry, environmentId, bearerToken } = this.#target;
    // Loaded when it is needed: checking what a registry answers takes a library.
    const { connectHarness } = await import('../registry/harness-connect.js');
    const access = {
      baseUrl: registry,
      headers: async () => bearerHeaders(await forThisDial(bearerToken)),
      timeoutMs,
    };
    try {
      return (await connectHarness(access, environmentId, { harnessId: this.#harnessId, signal })).url;
    } catch (error) {
      throw error instanceof RegistryError ? refusedByRegistry(error, environmentId) : error;
    }
  }
}

/** What is left until then, but not more than this. Timers hold whole milliseconds. */
function until(deadline: number, atMostMs: number): number {
  return Math.max(1, Math.ceil(Math.min(deadline - performance.now(), atMostMs)));
}

function refusedByRegistry(error: RegistryError, environmentId: string): DialError {
  const { status, retryable, retryAfterMs } = error;
  return new DialError(`environment \`${environmentId}\`: ${error.message}${whatToDo(error)}`, {
    status,
    retryable,
    retryAfterMs,
    cause: error,
  });
}

function whatToDo(error: RegistryError): string {
  if (error.isUnauthorized) return '; connect with a token for this environment that has not expired';
  if (error.code === 'unknown_environment') return '; no executor has registered under this id: check it';
  if (error.status === 404 || error.status === 405) return '; check the base URL of the registry';
  if (error.code === 'environment_offline') return '; it may come back: try again later';
  return '';
}
