/** What came is no WebSocket frame that this side may send. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

const MASK_BIT = 0x80;
const CLOSE = 8;
const KNOWN_OPCODES = new Set([0, 1, 2, CLOSE, 9, 10]);
const MAX_CONTROL_BYTES = 125;

/** Follows the frames of one direction of a WebSocket (RFC 6455, section 5.2), wherever what comes is cut. */
export class FrameCursor {
  /** Bytes of the payload that are still to come; 0: the next byte is one of a header. */
  payloadLeft = 0;
  /** Bytes of the payload that have passed, which says where in the mask it goes on. */
  payloadPassed = 0;
  /** The close frame has passed: nothing may come after it. */
  closed = false;
  readonly mask = Buffer.alloc(4);
  readonly #masked: boolean;
  #headerBytes = 0;
  #opcode = 0;
  #final = false;
  #length = 0;
  /** How many bytes of the header hold the length, and where the header ends. */
  #extendedBytes = 0;
  #headerEnd = 2;

  constructor({ masked }: { masked: boolean }) {
    this.#masked = masked;
  }

  /** Between two frames, where another one may be put in. */
  get atBoundary(): boolean {
    return this.#headerBytes === 0;
  }

  /** The next byte of a header, as it is where frames are not masked; undefined: it is one of the mask. Throws FrameError. */
  takeHeader(byte: number): number | undefined {
    const at = this.#headerBytes++;
    const maskAt = at - 2 - this.#extendedBytes;
    if (at === 0) this.#takeFirst(byte);
    else if (at === 1) this.#takeSecond(byte);
    else if (maskAt < 0) this.#length = this.#length * 256 + byte;
    else this.mask[maskAt] = byte;
    if (this.#headerBytes === this.#headerEnd) this.#headerDone();
    if (at === 1) return byte & ~MASK_BIT;
    return maskAt < 0 ? byte : undefined;
  }

  /** So many bytes of the payload have passed, at most `payloadLeft`. */
  passPayload(bytes: number): void {
    this.payloadLeft -= bytes;
    this.payloadPassed += bytes;
    if (this.payloadLeft === 0) this.#frameDone();
  }

  #takeFirst(byte: number): void {
    this.#extendedBytes = 0;
    this.#headerEnd = 2;
    this.#opcode = byte & 0x0f;
    this.#final = (byte & 0x80) !== 0;
    if ((byte & 0x70) !== 0) throw new FrameError('a frame has reserved bits set, and no extension was agreed on');
    if (!KNOWN_OPCODES.has(this.#opcode)) throw new FrameError(`a frame has the unknown opcode ${this.#opcode}`);
  }

  #takeSecond(byte: number): void {
    const masked = (byte & MASK_BIT) !== 0;
    if (masked !== this.#masked) throw new FrameError(`a frame is ${masked ? '' : 'not '}masked`);
    const length = byte & 0x7f;
    if (this.#opcode >= CLOSE && (length > MAX_CONTROL_BYTES || !this.#final)) {
      throw new FrameError('a control frame is fragmented, or has more than 125 bytes');
    }
    this.#extendedBytes = length === 126 ? 2 : length === 127 ? 8 : 0;
    this.#headerEnd = 2 + this.#extendedBytes + (masked ? 4 : 0);
    this.#length = this.#extendedBytes === 0 ? length : 0;
  }

  #headerDone(): void {
    if (!Number.isSafeInteger(this.#length)) throw new FrameError('a frame announces more than 2^53 bytes');
    this.payloadLeft = this.#length;
    this.payloadPassed = 0;
    if (this.payloadLeft === 0) this.#frameDone();
  }

  #frameDone(): void {
    this.#headerBytes = 0;
    this.closed = this.#opcode === CLOSE;
  }
}
