import { randomUUID } from 'node:crypto';
import { checkAddress, tcpCancelled } from '../tcp/errors.js';
import { STREAM_CREDIT_BYTES } from '../tcp/limits.js';
import type { TcpAddress, TcpConnectOptions, TcpConnector, TcpStream } from '../tcp/types.js';
import type { WireStream } from '../tcp/wire-stream.js';
import { UnsupportedByServerError } from './errors.js';
import { MAX_TIMER_MS, TCP_ANSWER_GRACE_MS } from './limits.js';
import type { SessionLink } from './session-link.js';

/**
 * TCP connections that a server makes, side by side over the connection to it. While that is being re-established,
 * connecting waits; when it is cut, the streams that went over it break at once with ConnectionClosedError.
 */
export class RemoteTcpConnector implements TcpConnector {
  readonly #link: SessionLink;

  constructor(link: SessionLink) {
    this.#link = link;
  }

  async connect(address: TcpAddress, { signal, timeoutMs }: TcpConnectOptions = {}): Promise<TcpStream> {
    checkAddress(address);
    await this.ensureSupported();
    if (signal?.aborted) throw tcpCancelled(address, signal.reason);
    const params = {
      streamId: randomUUID(),
      ...address,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      creditBytes: STREAM_CREDIT_BYTES,
    };
    let stream: WireStream | undefined;
    const onError = () => undefined; // until it is its user's
    try {
      const { creditBytes } = await this.#link.call('tcp/connect', params, {
        signal,
        // The server knows better what was missed: its own word is waited for a little.
        timeoutMs: timeoutMs && Math.min(timeoutMs + TCP_ANSWER_GRACE_MS, MAX_TIMER_MS),
        onSent: (channel) => {
          stream = this.#link.streams.open(params.streamId, channel).on('error', onError);
        },
      });
      return ready(stream, creditBytes, onError);
    } catch (error) {
      stream?.resetAndDestroy();
      throw signal?.aborted ? tcpCancelled(address, signal.reason) : error;
    }
  }

  async ensureSupported(): Promise<void> {
    if (this.#link.traits.capabilities.has('tcpConnect')) return;
    throw new UnsupportedByServerError('TCP connections (tcp/connect)', 'forward the port by other means');
  }

  async close(): Promise<void> {
    this.#link.streams.failAll(new Error('its connector was closed'));
  }
}

/** As its user gets it. Throws why it is over, if it is already. */
function ready(stream: WireStream | undefined, creditBytes: number, onError: () => void): WireStream {
  if (!stream) throw new Error('tcp/connect was answered before it was sent');
  if (stream.errored) throw stream.errored;
  stream.addCredit(creditBytes);
  return stream.off('error', onError);
}
