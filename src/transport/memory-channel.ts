import type { Channel, ChannelHandlers, CloseInfo } from '../rpc/channel.js';
import { DrainGate } from './drain-gate.js';

/** Two channels joined in memory: what one sends, the other receives, in order and never in the same tick. */
export function memoryChannelPair(): [Channel, Channel] {
  const a = new MemoryChannel('memory a');
  const b = new MemoryChannel('memory b');
  a.connect(b);
  b.connect(a);
  return [a, b];
}

class MemoryChannel implements Channel {
  readonly description: string;
  readonly #gate = new DrainGate();
  #peer: MemoryChannel | undefined;
  #handlers: ChannelHandlers | undefined;
  #inbox: string[] = [];
  #paused = false;
  #delivering = false;
  #closing = false;
  #closeInfo: CloseInfo | undefined;

  constructor(description: string) {
    this.description = description;
  }

  connect(peer: MemoryChannel): void {
    this.#peer = peer;
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    if (this.#closeInfo) handlers.closed(this.#closeInfo);
    this.#deliverSoon();
  }

  send(text: string): void {
    if (this.#closing || this.#closeInfo) return;
    this.#gate.add(text.length);
    this.#peer?.accept(text);
  }

  get queuedBytes(): number {
    return this.#gate.queuedBytes;
  }

  drained(): Promise<void> | undefined {
    return this.#gate.drained();
  }

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    this.#paused = false;
    this.#deliverSoon();
  }

  probe(): Promise<boolean> {
    return Promise.resolve(this.#closeInfo === undefined);
  }

  close(code: number, reason: string): void {
    this.#closing = true;
    setImmediate(() => {
      this.end({ code, reason });
      this.#peer?.end({ code, reason });
    });
  }

  terminate(reason: string): void {
    this.end({ reason });
    this.#peer?.end({ code: 1006, reason: 'the other side is gone' });
  }

  delivered(bytes: number): void {
    this.#gate.remove(bytes);
  }

  accept(text: string): void {
    this.#inbox.push(text);
    this.#deliverSoon();
  }

  end(info: CloseInfo): void {
    if (this.#closeInfo) return;
    this.#closeInfo = info;
    this.#gate.end();
    this.#handlers?.closed(info);
  }

  #deliverSoon(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    queueMicrotask(() => {
      this.#delivering = false;
      while (this.#handlers && !this.#paused && !this.#closing && !this.#closeInfo) {
        const text = this.#inbox.shift();
        if (text === undefined) return;
        this.#peer?.delivered(text.length);
        this.#handlers.message(text);
      }
    });
  }
}
