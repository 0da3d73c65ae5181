/**
 * Follows the frame headers of one direction of a WebSocket, to stop a frame or message by its announced size, before
 * any of it is buffered. `ws` limits whole messages only, and one limit for the life of the socket.
 */
export class FrameGuard {
  #header = Buffer.alloc(0);
  #payloadLeft = 0;
  #messageBytes = 0;

  /** Reads on; returns what is wrong, or undefined. Costs a few operations per frame, none per byte. */
  inspect(chunk: Buffer, limits: { maxFrameBytes: number; maxMessageBytes: number }): string | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const skipped = Math.min(this.#payloadLeft, chunk.length - at);
        this.#payloadLeft -= skipped;
        at += skipped;
        continue;
      }
      const before = this.#header.length;
      this.#header = Buffer.concat([this.#header, chunk.subarray(at, at + 14 - before)]);
      const parsed = parseHeader(this.#header);
      if (parsed === undefined) return undefined; // the rest of the header comes with the next chunk
      at += parsed.headerBytes - before;
      this.#header = Buffer.alloc(0);
      this.#payloadLeft = parsed.payloadBytes;
      if (parsed.control) continue;
      this.#messageBytes += parsed.payloadBytes;
      if (parsed.payloadBytes > limits.maxFrameBytes) {
        return `a frame of ${parsed.payloadBytes} bytes came, at most ${limits.maxFrameBytes} are read: send it in fragments`;
      }
      if (this.#messageBytes > limits.maxMessageBytes) {
        return `a message of more than ${limits.maxMessageBytes} bytes came`;
      }
      if (parsed.final) this.#messageBytes = 0;
    }
    return undefined;
  }
}

/** RFC 6455 section 5.2. Undefined while bytes are missing. */
function parseHeader(header: Buffer) {
  const [first, second] = header;
  if (first === undefined || second === undefined) return undefined;
  const length7 = second & 0x7f;
  const lengthBytes = length7 === 126 ? 2 : length7 === 127 ? 8 : 0;
  const headerBytes = 2 + lengthBytes + (second & 0x80 ? 4 : 0);
  if (header.length < headerBytes) return undefined;
  const payloadBytes =
    lengthBytes === 2 ? header.readUInt16BE(2) : lengthBytes === 8 ? Number(header.readBigUInt64BE(2)) : length7;
  return { headerBytes, payloadBytes, final: (first & 0x80) !== 0, control: (first & 0x08) !== 0 };
}
