import { type StreamNotificationName, streamNotifications } from '../protocol/tcp-methods.js';
import type { Channel } from '../rpc/channel.js';
import { TcpStreamError } from './errors.js';
import { WireStream } from './wire-stream.js';

/** The TCP streams that go over one connection, by their ids, from before they are connected until they have closed. */
export class WireStreams {
  readonly #streams = new Map<string, WireStream>();

  get size(): number {
    return this.#streams.size;
  }

  has(streamId: string): boolean {
    return this.#streams.has(streamId);
  }

  open(streamId: string, channel: Channel): WireStream {
    const stream = new WireStream(streamId, channel);
    this.#streams.set(streamId, stream);
    // The id may have a new owner by then.
    stream.once('close', () => this.#streams.get(streamId) === stream && this.#streams.delete(streamId));
    return stream;
  }

  /** Hands on what the other side says. What belongs to a stream that is over is late, and dropped. */
  deliver(method: StreamNotificationName, params: unknown): void {
    const { success, data } = streamNotifications[method].safeParse(params);
    if (!success) {
      // Whose it was is not known, and a stream with a hole in it must not go on.
      this.failAll(new TcpStreamError(`the other side broke the protocol of ${method}`, 'EPROTO'));
      return;
    }
    const stream = this.#streams.get(data.streamId);
    try {
      if (stream) deliverTo(stream, method, data);
    } catch (error) {
      stream?.destroy(
        new TcpStreamError(`the other side broke the protocol of ${method}: ${(error as Error).message}`, 'EPROTO'),
      );
    }
  }

  failAll(error: Error): void {
    for (const stream of [...this.#streams.values()]) stream.destroy(error);
  }
}

type Parsed<M extends StreamNotificationName> = ReturnType<(typeof streamNotifications)[M]['parse']>;

function deliverTo(stream: WireStream, method: StreamNotificationName, data: Parsed<StreamNotificationName>): void {
  switch (method) {
    case 'tcp/data':
      stream.receiveData((data as Parsed<'tcp/data'>).chunk);
      return;
    case 'tcp/end':
      stream.receiveEnd();
      return;
    case 'tcp/reset': {
      const { message, errno } = data as Parsed<'tcp/reset'>;
      stream.receiveReset(message ?? undefined, errno ?? undefined);
      return;
    }
    case 'tcp/credit':
      stream.addCredit((data as Parsed<'tcp/credit'>).bytes);
      return;
    default:
      method satisfies never;
  }
}
