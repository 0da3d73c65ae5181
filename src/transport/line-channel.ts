import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import type { Channel, ChannelHandlers, CloseInfo } from '../rpc/channel.js';
import { DrainGate } from './drain-gate.js';
import { CLOSE_TIMEOUT_MS } from './limits.js';

const NEWLINE = 0x0a;

export interface LineChannelOptions {
  description: string;
  /** Ends what is behind the streams, such as a spawned program. Called once, when the channel has ended. */
  release?: () => void;
}

/** A channel of one JSON object per line: our own stdin and stdout, or those of a spawned program. */
export class LineChannel implements Channel {
  readonly description: string;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #release: (() => void) | undefined;
  readonly #gate = new DrainGate();
  #handlers: ChannelHandlers | undefined;
  #partial: Buffer[] = [];
  #partialBytes = 0;
  /** Nothing more is delivered or accepted; what is queued still goes out. */
  #closing = false;
  #closeInfo: CloseInfo | undefined;

  constructor(input: Readable, output: Writable, options: LineChannelOptions) {
    this.#input = input;
    this.#output = output;
    this.description = options.description;
    this.#release = options.release;
    input.on('error', (error) => this.#end({ reason: `reading failed: ${error.message}` }));
    output.on('error', (error) => this.#end({ reason: `writing failed: ${error.message}` }));
    input.on('end', () => {
      this.#flushPartial();
      this.#flushAndEnd({ reason: 'end of input' });
    });
    input.on('close', () => {
      if (!this.#closing) this.#end({ reason: 'input closed' });
    });
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    if (this.#closeInfo) handlers.closed(this.#closeInfo);
    else this.#input.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  send(text: string, encoding: 'utf8' | 'latin1' = 'utf8'): void {
    if (this.#closeInfo || this.#output.destroyed || this.#output.writableEnded) return;
    const bytes = Buffer.from(`${text}\n`, encoding);
    this.#gate.add(bytes.length);
    this.#output.write(bytes, () => this.#gate.remove(bytes.length));
  }

  get queuedBytes(): number {
    return this.#gate.queuedBytes;
  }

  drained(): Promise<void> | undefined {
    return this.#gate.drained();
  }

  pauseReading(): void {
    this.#input.pause();
  }

  resumeReading(): void {
    this.#input.resume();
  }

  /** A pipe has no ping: it is alive until it ends. */
  probe(): Promise<boolean> {
    return Promise.resolve(this.#closeInfo === undefined);
  }

  close(code: number, reason: string): void {
    this.#flushAndEnd({ code, reason });
  }

  terminate(reason: string): void {
    this.#end({ reason });
  }

  #receive(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#partial.push(chunk.subarray(from, at));
      this.#flushPartial();
      from = at + 1;
      if (this.#closeInfo) return;
    }
    if (from === chunk.length) return;
    this.#partial.push(chunk.subarray(from));
    this.#partialBytes += chunk.length - from;
    if (this.#partialBytes > MAX_MESSAGE_BYTES) {
      this.#end({ code: 1009, reason: `a line of more than ${MAX_MESSAGE_BYTES} bytes came` });
    }
  }

  #flushPartial(): void {
    const line = this.#partial.length === 1 && this.#partial[0] ? this.#partial[0] : Buffer.concat(this.#partial);
    this.#partial = [];
    this.#partialBytes = 0;
    if (this.#closing) return;
    if (!isUtf8(line)) {
      this.#handlers?.unreadable('the line is not UTF-8 text');
      return;
    }
    const text = line.toString('utf8');
    if (text.trim() !== '') this.#handlers?.message(text);
  }

  /** What is queued goes out first, but a reader that has stopped must not hold us. */
  #flushAndEnd(info: CloseInfo): void {
    if (this.#closing || this.#closeInfo) return;
    this.#closing = true;
    this.#output.end();
    const end = () => this.#end(info);
    void once(this.#output, 'finish').then(end, end); // an error has its own listener
    // Node destroys the stdin of a child that has exited, and then there is no `finish`.
    if (this.#output.destroyed) end();
    else this.#output.once('close', end);
    setTimeout(end, CLOSE_TIMEOUT_MS).unref();
  }

  #end(info: CloseInfo): void {
    if (this.#closeInfo) return;
    this.#closeInfo = info;
    this.#gate.end();
    this.#input.destroy();
    this.#output.destroy();
    this.#release?.();
    this.#handlers?.closed(info);
  }
}
