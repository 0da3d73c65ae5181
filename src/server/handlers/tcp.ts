import { invalidParams, invalidRequest } from '../../protocol/errors.js';
import type { Channel } from '../../rpc/channel.js';
import { join } from '../../tcp/join.js';
import { STREAM_CREDIT_BYTES } from '../../tcp/limits.js';
import type { TcpConnector } from '../../tcp/types.js';
import type { WireStream } from '../../tcp/wire-stream.js';
import type { WireStreams } from '../../tcp/wire-streams.js';
import type { Handlers } from '../handlers.js';
import { MAX_TCP_STREAMS } from '../limits.js';

/** `tcp/connect`: joins a stream of the client with a connection that starts here. Streams end with the client's connection. */
export function tcpHandlers(tcp: TcpConnector) {
  return {
    async 'tcp/connect'({ streamId, host, port, timeoutMs, creditBytes }, { streams, channel, signal, afterAnswer }) {
      const stream = begin(streams, streamId, channel);
      stream.addCredit(creditBytes);
      const gone = new AbortController();
      const onGone = () => gone.abort();
      stream.once('close', onGone);
      try {
        const options = { signal: gone.signal, timeoutMs: timeoutMs ?? undefined };
        const connection = await tcp.connect({ host, port }, options);
        // Also what still flows to a slow origin when both sides have said all.
        const reset = () => connection.resetAndDestroy();
        signal.addEventListener('abort', reset);
        connection.once('close', () => signal.removeEventListener('abort', reset));
        afterAnswer(() => join(connection, stream));
        return { creditBytes: STREAM_CREDIT_BYTES };
      } catch (error) {
        stream.destroy();
        throw error;
      }
    },
  } satisfies Handlers;
}

function begin(streams: WireStreams, streamId: string, channel: Channel): WireStream {
  if (streams.has(streamId)) throw invalidParams(`tcp/connect streamId \`${streamId}\` is already in use`);
  if (streams.size >= MAX_TCP_STREAMS) {
    const message = `${MAX_TCP_STREAMS} TCP streams of this connection are open, which is the limit: close one`;
    throw invalidRequest('limit_reached', message, { retryable: true });
  }
  const stream = streams.open(streamId, channel);
  stream.on('error', () => undefined); // `close` follows
  return stream;
}
