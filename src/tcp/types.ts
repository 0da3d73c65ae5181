import type { Duplex } from 'node:stream';
import type { ConnectFailureReason } from '../transport/connect-failure.js';

export interface TcpAddress {
  /** A name, which is looked up where the connection starts, or an IP address without brackets. */
  host: string;
  /** 1 to 65535. */
  port: number;
}

export interface TcpConnectOptions {
  /** Gives up what is not connected yet, with kind `cancelled`. */
  signal?: AbortSignal | undefined;
  /** Until it is connected, the look-up of the name included. Default: CONNECT_TIMEOUT_MS of `tcp/local`. */
  timeoutMs?: number | undefined;
}

/**
 * A TCP connection: a Duplex as a socket of node:net is one, so that `node:http2`, `node:tls` and any other library take
 * it. `end()` says that we have said all (FIN) and reading goes on; it closes when both sides have. Not reading holds the
 * other end back. Its `error` tells how it broke: `code` is the errno, such as `ECONNRESET`, or what the client of an
 * executor says when the connection to that is what broke. Needs a listener for `error`, as every socket does.
 */
export interface TcpStream extends Duplex {
  /** Ends it at once, both ways; the other end sees a reset. `reason`: shown over there. */
  resetAndDestroy(reason?: Error): this;
}

/** Why there is no connection: `data.reason` of an error of kind `tcp_failed`. */
export type TcpFailureReason = ConnectFailureReason | 'other';

/** Makes TCP connections: from here, or from somewhere else. */
export interface TcpConnector {
  /**
   * Rejects with a WireError: kind `invalid_params` for an address that cannot be, `cancelled` by the signal, `limit_reached`,
   * else `tcp_failed` with `reason`. A remote one also with ConnectionClosedError, SessionLostError, RpcTimeoutError or
   * UnsupportedByServerError.
   */
  connect(address: TcpAddress, options?: TcpConnectOptions): Promise<TcpStream>;
  /** Rejects with UnsupportedByServerError where no connection can ever be made, or because the place cannot be reached. */
  ensureSupported(): Promise<void>;
  /** Resets what is open. Idempotent. */
  close(): Promise<void>;
}
