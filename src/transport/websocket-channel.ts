import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { OUTGOING_FRAGMENT_BYTES } from '../protocol/limits.js';
import { type Channel, type ChannelHandlers, CloseCode, type CloseInfo } from '../rpc/channel.js';
import { DrainGate } from './drain-gate.js';
import {
  CLOSE_TIMEOUT_MS,
  DEAD_AFTER_MS,
  OVERLOADED_LOOP_MS,
  PING_INTERVAL_MS,
  SMALL_MESSAGE_BYTES,
} from './limits.js';

export interface WebSocketChannelOptions {
  description: string;
  /** The socket underneath: to write small messages together, and to see bytes come. */
  transport: Socket;
  /** Whether this is the side that was dialled, whose frames are not masked. */
  accepted: boolean;
  pingIntervalMs?: number;
  deadAfterMs?: number;
}

/** A channel over an open `ws` socket, dialled or accepted. */
export class WebSocketChannel implements Channel {
  readonly description: string;
  readonly #socket: WebSocket;
  readonly #transport: Socket;
  readonly #gate = new DrainGate();
  readonly #keepAlive: NodeJS.Timeout;
  readonly #deadAfterMs: number;
  readonly #accepted: boolean;
  #handlers: ChannelHandlers | undefined;
  #early: [Buffer, boolean][] = [];
  #batch: Buffer[] = [];
  #batchedBytes = 0;
  #closeInfo: CloseInfo | undefined;
  #ownReason: CloseInfo | undefined;
  #lastHeardAt = performance.now();
  #pingedAt: number | undefined;
  #bytesRead: number;
  #readingPaused = false;

  constructor(socket: WebSocket, options: WebSocketChannelOptions) {
    this.#socket = socket;
    this.description = options.description;
    this.#transport = options.transport;
    this.#accepted = options.accepted;
    this.#bytesRead = options.transport.bytesRead;
    this.#deadAfterMs = options.deadAfterMs ?? DEAD_AFTER_MS;
    const pingIntervalMs = options.pingIntervalMs ?? PING_INTERVAL_MS;
    let dueAt = performance.now() + pingIntervalMs;
    this.#keepAlive = setInterval(() => {
      const now = performance.now();
      const overloaded = now - dueAt > OVERLOADED_LOOP_MS;
      dueAt = now + pingIntervalMs;
      this.#checkAlive(now, overloaded);
    }, pingIntervalMs);
    this.#keepAlive.unref();

    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on('pong', () => this.#heard());
    socket.on('ping', () => this.#heard());
    socket.on('error', (error) => {
      this.#ownReason ??= { code: 1006, reason: error.message };
    });
    socket.on('close', (code, reason) => {
      this.#end(this.#ownReason ?? { code, reason: reason.toString() || describeCode(code) });
    });
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    const early = this.#early;
    this.#early = [];
    for (const [data, isBinary] of early) this.#receive(data, isBinary);
    if (this.#closeInfo) handlers.closed(this.#closeInfo);
  }

  send(text: string, encoding: 'utf8' | 'latin1' = 'utf8'): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const bytes = Buffer.from(text, encoding);
    this.#gate.add(bytes.length);
    if (this.#accepted && bytes.length <= SMALL_MESSAGE_BYTES) this.#sendWithNext(bytes);
    else this.#sendNow(bytes);
  }

  /**
   * Small messages leave together, framed here and in one write: a frame of `ws` takes two. Not at the end of this turn of the
   * event loop but of the next, since it does not wait in between: what is ready by then, such as a child's answer to the
   * write that is being acknowledged, goes with them. A client masks its frames, so `ws` does those.
   */
  #sendWithNext(bytes: Buffer): void {
    if (this.#batch.length === 0) setImmediate(() => setImmediate(() => this.#flush()));
    this.#batch.push(textFrameHeader(bytes.length), bytes);
    this.#batchedBytes += bytes.length;
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    const payloadBytes = this.#batchedBytes;
    const frames = Buffer.concat(this.#batch);
    this.#batch = [];
    this.#batchedBytes = 0;
    if (this.#transport.writable) this.#transport.write(frames, () => this.#gate.remove(payloadBytes));
  }

  #sendNow(bytes: Buffer): void {
    this.#flush();
    for (let at = 0; at === 0 || at < bytes.length; at += OUTGOING_FRAGMENT_BYTES) {
      const fragment =
        bytes.length <= OUTGOING_FRAGMENT_BYTES ? bytes : bytes.subarray(at, at + OUTGOING_FRAGMENT_BYTES);
      const fin = at + fragment.length >= bytes.length;
      // An error here is followed by `close`, which tells everybody.
      this.#socket.send(fragment, { binary: false, compress: false, fin }, () => this.#gate.remove(fragment.length));
    }
  }

  get queuedBytes(): number {
    return this.#gate.queuedBytes;
  }

  drained(): Promise<void> | undefined {
    return this.#gate.drained();
  }

  pauseReading(): void {
    this.#readingPaused = true;
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#readingPaused = false;
    this.#socket.resume();
  }

  probe(timeoutMs: number): Promise<boolean> {
    if (this.#socket.readyState !== this.#socket.OPEN) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (alive: boolean) => {
        clearTimeout(timer);
        this.#socket.off('pong', onPong);
        this.#socket.off('close', onClose);
        resolve(alive);
      };
      const onPong = () => settle(true);
      const onClose = () => settle(false);
      const { bytesRead } = this.#transport;
      // The pong of a slow link may stand behind a large message; the bytes of that are an answer too.
      const timer = setTimeout(() => settle(this.#transport.bytesRead > bytesRead), timeoutMs);
      this.#socket.on('pong', onPong);
      this.#socket.on('close', onClose);
      this.#ping();
    });
  }

  close(code: number, reason: string): void {
    this.#ownReason ??= { code, reason };
    this.#flush();
    this.#socket.close(code, truncateReason(reason));
    // `ws` waits 30 s for the other side's close frame; a peer that never sends one must not hold a socket that long.
    setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS).unref();
  }

  terminate(reason: string): void {
    this.#ownReason ??= { code: 1006, reason };
    this.#socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#heard();
    if (this.#ownReason) return; // we have closed: nothing that was refused may be carried out
    if (!this.#handlers) {
      this.#early.push([data, isBinary]);
    } else if (isBinary && !isUtf8(data)) {
      this.#handlers.unreadable('the binary frame does not hold UTF-8 text');
    } else {
      this.#handlers.message(data.toString('utf8'));
    }
  }

  #heard(): void {
    this.#lastHeardAt = performance.now();
    this.#pingedAt = undefined;
  }

  #ping(): void {
    this.#pingedAt ??= performance.now();
    this.#socket.ping();
  }

  /** Dead means: a ping is unanswered, nothing else came either, for the whole time, and our loop was not the reason. */
  #checkAlive(now: number, overloaded: boolean): void {
    const { bytesRead } = this.#transport;
    // A large message is a sign of life while it comes in; and while we do not read, the silence is ours.
    if (bytesRead !== this.#bytesRead || this.#readingPaused) this.#heard();
    this.#bytesRead = bytesRead;
    const silentMs = now - this.#lastHeardAt;
    const waitingMs = this.#pingedAt === undefined ? 0 : now - this.#pingedAt;
    // Timers fire a little early at times; 50 ms of slack keeps that from costing a whole further interval.
    if (!overloaded && Math.min(silentMs, waitingMs) >= this.#deadAfterMs - 50) {
      this.terminate(`no pong for ${Math.round(waitingMs / 1000)} s`);
      return;
    }
    this.#ping();
  }

  #end(info: CloseInfo): void {
    clearInterval(this.#keepAlive);
    this.#gate.end();
    this.#closeInfo = info;
    this.#handlers?.closed(info);
  }
}

/** The header of an unmasked, unfragmented text frame of at most 65,535 bytes (RFC 6455, section 5.2). */
function textFrameHeader(bytes: number): Buffer {
  return bytes < 126 ? Buffer.from([0x81, bytes]) : Buffer.from([0x81, 126, bytes >> 8, bytes & 0xff]);
}

function describeCode(code: number): string {
  switch (code) {
    case 1005:
      return 'closed by the other side';
    case 1006:
      return 'the connection ended without a close frame';
    case CloseCode.goingAway:
      return 'the other side is going away';
    default:
      return `closed with code ${code}`;
  }
}

/** A close reason may have 123 bytes. */
function truncateReason(reason: string): string {
  const bytes = Buffer.from(reason);
  return bytes.length <= 123
    ? reason
    : `${bytes
        .subarray(0, 118)
        .toString('utf8')
        .replace(/\ufffd+$/, '')}…`;
}
