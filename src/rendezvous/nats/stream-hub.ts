import type { Msg, NatsConnection } from 'nats';
import { STREAM_HEARTBEAT_MS } from './limits.js';
import { NatsStream } from './nats-stream.js';
import { decodeStreamMessage, encodeStreamMessage } from './stream-message.js';
import { subjects } from './subjects.js';

interface Known {
  stream: NatsStream;
  peerNodeId: string;
}

/** All streams between this node and others, over one subscription and one timer. */
export class StreamHub {
  readonly #nats: NatsConnection;
  readonly #nodeId: string;
  readonly #onCut: (peerNodeId: string, reason: string) => void;
  readonly #streams = new Map<string, Known>();
  #timer: NodeJS.Timeout | undefined;

  constructor(nats: NatsConnection, nodeId: string, onCut: (peerNodeId: string, reason: string) => void) {
    this.#nats = nats;
    this.#nodeId = nodeId;
    this.#onCut = onCut;
  }

  start(): void {
    this.#nats.subscribe(subjects.stream(this.#nodeId, '*'), {
      callback: (error, message) => !error && this.#receive(message),
    });
    this.#timer = setInterval(() => {
      for (const { stream } of this.#streams.values()) stream.heartbeat();
    }, STREAM_HEARTBEAT_MS);
    this.#timer.unref();
  }

  /** This end of a stream; the other node does the same with the other role. */
  open(role: 'opens' | 'accepts', peerNodeId: string, streamId: string): NatsStream {
    const to = subjects.stream(peerNodeId, streamId);
    const reply = subjects.stream(this.#nodeId, streamId);
    const stream = new NatsStream(role, {
      // With a subject to answer to, NATS itself answers at once when that node is gone.
      send: (message) => this.#publish(to, message, reply),
      closed: (reason) => {
        this.#streams.delete(streamId);
        if (reason !== undefined) this.#onCut(peerNodeId, reason);
      },
    });
    this.#streams.set(streamId, { stream, peerNodeId });
    return stream;
  }

  /** The other end may have come to be without us. */
  cutOther(peerNodeId: string, streamId: string): void {
    this.#publish(subjects.stream(peerNodeId, streamId), encodeStreamMessage('reset', 0));
  }

  cutAll(reason: string): void {
    for (const { stream } of [...this.#streams.values()]) stream.cut(reason);
  }

  close(): void {
    clearInterval(this.#timer);
    this.cutAll('this node leaves');
  }

  #receive(message: Msg): void {
    const streamId = message.subject.slice(message.subject.lastIndexOf('.') + 1);
    const known = this.#streams.get(streamId);
    const decoded = message.headers?.code === 503 ? undefined : decodeStreamMessage(message.data);
    if (known && decoded) known.stream.receive(decoded);
    else if (known) known.stream.cut('the other node is gone, or does not speak the same');
    else if (decoded && decoded.kind !== 'reset' && message.reply) {
      this.#publish(message.reply, encodeStreamMessage('reset', 0));
    }
  }

  #publish(subject: string, message: Buffer, reply?: string): void {
    if (this.#nats.isClosed()) return; // all streams are being cut
    this.#nats.publish(subject, message, reply === undefined ? {} : { reply });
  }
}
