import type { TcpAddress, TcpConnectOptions, TcpConnector, TcpStream } from '../tcp/types.js';
import type { Use } from './deferred-processes.js';

/** TCP connections of a place that is gone to on first use. */
export class DeferredTcp implements TcpConnector {
  readonly #use: Use<TcpConnector>;
  readonly #close: () => Promise<void>;

  constructor(use: Use<TcpConnector>, close: () => Promise<void>) {
    this.#use = use;
    this.#close = close;
  }

  connect(address: TcpAddress, options?: TcpConnectOptions): Promise<TcpStream> {
    return this.#use((tcp) => tcp.connect(address, options));
  }

  ensureSupported(): Promise<void> {
    return this.#use((tcp) => tcp.ensureSupported());
  }

  /** Resets what is open; other connections may be made afterwards. */
  close(): Promise<void> {
    return this.#close();
  }
}
