import type { Channel, CloseInfo } from '../../src/rpc/channel.js';
import { parseListenAddress } from '../../src/transport/listen-address.js';
import { listenWebSocket, type WebSocketListenOptions } from '../../src/transport/websocket-listen.js';
import { atEnd } from './cleanup.js';

/** A channel, and what has come of it so far. */
export class Heard {
  readonly channel: Channel;
  readonly messages: string[] = [];
  readonly unreadable: string[] = [];
  readonly closed: Promise<CloseInfo>;
  readonly #waiting: (() => void)[] = [];

  constructor(channel: Channel) {
    this.channel = channel;
    this.closed = new Promise((resolve) => {
      channel.start({
        message: (text) => {
          this.messages.push(text);
          for (const check of this.#waiting) check();
        },
        unreadable: (reason) => this.unreadable.push(reason),
        closed: resolve,
      });
    });
  }

  /** Resolves when that many messages have come. */
  count(messages: number): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.messages.length >= messages) resolve();
      };
      this.#waiting.push(check);
      check();
    });
  }
}

export interface ChannelListener {
  url: string;
  /** The next channel that is accepted. */
  accepted(): Promise<Heard>;
  close(): Promise<void>;
}

type Options = Partial<Omit<WebSocketListenOptions, 'address' | 'onChannel'>>;

/** Listens with nothing behind the channels. Ends, with its channels, when the test does. */
export async function listenForChannels(listen = 'ws://127.0.0.1:0', options: Options = {}): Promise<ChannelListener> {
  const ready: Heard[] = [];
  const waiting: ((heard: Heard) => void)[] = [];
  const address = parseListenAddress(listen);
  if (address.kind === 'stdio') throw new Error('stdio is no address');
  const listener = await listenWebSocket({
    address,
    refuse: () => undefined,
    onRequest: (_request, response) => response.writeHead(404).end(),
    onChannel(channel) {
      const heard = new Heard(channel);
      atExit.push(() => channel.terminate('the test has finished'));
      const next = waiting.shift();
      if (next) next(heard);
      else ready.push(heard);
    },
    ...options,
  });
  const atExit: (() => void)[] = [];
  atEnd(async () => {
    await listener.close();
    for (const end of atExit) end();
  });
  return {
    url: listener.url,
    accepted() {
      const heard = ready.shift();
      return heard ? Promise.resolve(heard) : new Promise((resolve) => waiting.push(resolve));
    },
    close: () => listener.close(),
  };
}
