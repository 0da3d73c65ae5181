import { CloseCode } from '../rpc/channel.js';
import { PING_INTERVAL_MS } from '../transport/limits.js';
import { pongFrame } from './control-frame.js';
import type { FrameSocket } from './frame-socket.js';

const PING = 0x89;
const PONG = 0x8a;

/**
 * Keeps an executor's one connection while no harness has it: answers its pings, sends ours, and ends it when it is dead or says what
 * only an answer to a harness could be. Its close frame, and its end, end it by themselves.
 */
export class IdleWatch {
  readonly #socket: FrameSocket;
  readonly #pings: NodeJS.Timeout;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: FrameSocket) {
    this.#socket = socket;
    socket.on('data', this.#receive);
    socket.on('end', this.#end);
    this.#pings = setInterval(() => void this.#ping(), PING_INTERVAL_MS);
    this.#pings.unref();
    socket.once('close', () => clearInterval(this.#pings));
  }

  /** From here on the socket is somebody else's, and has lost nothing but pings. */
  release(): void {
    clearInterval(this.#pings);
    this.#socket.off('data', this.#receive);
    this.#socket.off('end', this.#end);
    this.#socket.pause();
    if (this.#rest.length > 0) this.#socket.unshift(this.#rest);
  }

  readonly #receive = (chunk: Buffer): void => {
    let frames = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const [first, payloadBytes] = frames;
      if (first === undefined || payloadBytes === undefined) break;
      if (first !== PING && first !== PONG) {
        this.#refuse(first);
        return;
      }
      if (frames.length < 2 + payloadBytes) break;
      if (first === PING) this.#socket.inject(pongFrame(frames.subarray(2, 2 + payloadBytes)));
      frames = frames.subarray(2 + payloadBytes);
    }
    this.#rest = frames;
  };

  readonly #end = (): void => {
    this.#socket.end(); // its close frame was the last; ours is the answer
  };

  #refuse(first: number): void {
    if ((first & 0x0f) === 8) this.#socket.closeWith(CloseCode.normal, '');
    else this.#socket.closeWith(CloseCode.protocolError, 'a message came although no harness is connected');
  }

  async #ping(): Promise<void> {
    if (!(await this.#socket.probe(PING_INTERVAL_MS))) this.#socket.cut('it has not answered a ping');
  }
}
