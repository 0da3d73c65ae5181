/**
 * One message of a stream between two nodes:
 *
 *     kind (1) | sequence (6, big endian) | payload
 *
 * The sequence is that of the next `data` or `end`: what such a message has itself, what all others tell. So any message
 * shows that one before it got lost.
 */
export const streamMessageKinds = {
  data: 1,
  /** No more data in this direction. */
  end: 2,
  /** Payload (6, big endian): all that the receiver has made room for since the start. Also sent as a heartbeat. */
  credit: 3,
  /** The stream is cut, or was never known. Never answered. */
  reset: 4,
} as const;
export type StreamMessageKind = keyof typeof streamMessageKinds;

export const STREAM_HEADER_BYTES = 7;
const NUMBER_BYTES = 6;

const kindOf = new Map<number, StreamMessageKind>(
  Object.entries(streamMessageKinds).map(([kind, code]) => [code, kind as StreamMessageKind]),
);

export interface StreamMessage {
  kind: StreamMessageKind;
  sequence: number;
  /** Shares its memory with what was decoded. */
  payload: Buffer;
}

export function encodeStreamMessage(kind: StreamMessageKind, sequence: number, payload?: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(STREAM_HEADER_BYTES + (payload?.length ?? 0));
  message[0] = streamMessageKinds[kind];
  message.writeUIntBE(sequence, 1, NUMBER_BYTES);
  if (payload) message.set(payload, STREAM_HEADER_BYTES);
  return message;
}

export function encodeCredit(sequence: number, total: number): Buffer {
  const payload = Buffer.allocUnsafe(NUMBER_BYTES);
  payload.writeUIntBE(total, 0, NUMBER_BYTES);
  return encodeStreamMessage('credit', sequence, payload);
}

/** Undefined: not a message of a stream. */
export function decodeStreamMessage(bytes: Uint8Array): StreamMessage | undefined {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = kindOf.get(message[0] ?? 0);
  if (kind === undefined || message.length < STREAM_HEADER_BYTES) return undefined;
  if (kind === 'credit' && message.length !== STREAM_HEADER_BYTES + NUMBER_BYTES) return undefined;
  return {
    kind,
    sequence: message.readUIntBE(1, NUMBER_BYTES),
    payload: message.subarray(STREAM_HEADER_BYTES),
  };
}

/** The number in the payload of `credit`. */
export function creditOf({ payload }: StreamMessage): number {
  return payload.readUIntBE(0, NUMBER_BYTES);
}
