import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { PortForwardError, showAddress } from './errors.js';
import { join } from './join.js';
import type { TcpAddress, TcpConnector } from './types.js';

export interface PortForwardOptions {
  /** Where to listen on this machine. Default host 127.0.0.1, default port 0: one that is free. */
  listen?: Partial<TcpAddress> | undefined;
  /** Where connections go, as it is reached from the place of the connector. */
  to: TcpAddress;
  /** How long each connection over there may take. Default: CONNECT_TIMEOUT_MS of `tcp/local`. */
  connectTimeoutMs?: number | undefined;
  /** A connection that was taken here could not be made there: it has been reset. */
  onConnectFailed?: ((error: Error) => void) | undefined;
}

/** A port of this machine that leads to one over there. */
export interface PortForward extends AsyncDisposable {
  /** Where it listens, with the real port. */
  readonly address: TcpAddress;
  /** Takes no more connections, and resets those that are open. Idempotent. */
  close(): Promise<void>;
}

/**
 * Forwards a TCP port through a connector, each connection by itself: one that stalls, breaks or is refused concerns no
 * other. It goes on listening whatever becomes of the way there. Rejects with UnsupportedByServerError, with
 * PortForwardError when it cannot listen, or because the place cannot be reached.
 */
export async function forwardPort(connector: TcpConnector, options: PortForwardOptions): Promise<PortForward> {
  await connector.ensureSupported();
  const sockets = new Set<Socket>();
  // What comes in waits in the kernel until there is somewhere for it to go.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    void lead(socket, connector, options);
  });
  const address = await listen(server, options.listen);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.resetAndDestroy();
    });
    return closing;
  };
  return { address, close, [Symbol.asyncDispose]: close };
}

async function lead(
  socket: Socket,
  connector: TcpConnector,
  { to, connectTimeoutMs, onConnectFailed }: PortForwardOptions,
): Promise<void> {
  const gone = new AbortController();
  const onGone = () => gone.abort();
  socket.once('close', onGone).on('error', () => undefined); // `close` follows, and says as much
  try {
    const stream = await connector.connect(to, { signal: gone.signal, timeoutMs: connectTimeoutMs });
    join(socket, stream);
  } catch (error) {
    if (gone.signal.aborted) return;
    socket.resetAndDestroy();
    onConnectFailed?.(error as Error);
  }
}

async function listen(server: Server, { host = '127.0.0.1', port = 0 }: Partial<TcpAddress> = {}): Promise<TcpAddress> {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PortForwardError(`cannot listen on ${showAddress({ host, port })}: ${why}`, { cause });
  }
  const { address, port: real } = server.address() as AddressInfo;
  return { host: address, port: real };
}
