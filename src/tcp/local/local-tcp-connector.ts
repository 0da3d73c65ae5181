import { connect, type Socket } from 'node:net';
import type { WireError } from '../../protocol/errors.js';
import { connectFailure } from '../../transport/connect-failure.js';
import { checkAddress, tcpCancelled, tcpFailed } from '../errors.js';
import type { TcpAddress, TcpConnectOptions, TcpConnector } from '../types.js';
import { CONNECT_TIMEOUT_MS, KEEP_ALIVE_MS, MAX_TIMER_MS } from './limits.js';

/** Makes TCP connections from here. Of a name with several addresses, the first that answers. */
export class LocalTcpConnector implements TcpConnector {
  readonly #sockets = new Set<Socket>();

  async connect(address: TcpAddress, options: TcpConnectOptions = {}): Promise<Socket> {
    checkAddress(address);
    if (options.signal?.aborted) throw tcpCancelled(address, options.signal.reason);
    const { host, port } = address;
    const socket = connect({
      host,
      port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    });
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    await connected(socket, address, options);
    return socket;
  }

  ensureSupported(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}

function connected(
  socket: Socket,
  address: TcpAddress,
  { signal, timeoutMs = CONNECT_TIMEOUT_MS }: TcpConnectOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (error: WireError) => {
      settled();
      socket.destroy();
      reject(error);
    };
    const onAbort = () => giveUp(tcpCancelled(address, signal?.reason));
    const onError = (error: Error) => giveUp(tcpFailed(address, meaningOf(error), error));
    const onClose = () => giveUp(tcpCancelled(address));
    const onConnect = () => {
      settled();
      resolve();
    };
    const timer = setTimeout(
      () => giveUp(tcpFailed(address, { reason: 'timed_out', text: `no answer within ${timeoutMs} ms` })),
      Math.min(timeoutMs, MAX_TIMER_MS),
    );
    const settled = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose).off('connect', onConnect);
    };
    signal?.addEventListener('abort', onAbort);
    socket.on('error', onError).on('close', onClose).on('connect', onConnect);
  });
}

/** Trying several addresses fails with one error for each, and no text of its own. */
function meaningOf(error: Error): Pick<Parameters<typeof tcpFailed>[1], 'reason' | 'text'> {
  const known = connectFailure(error);
  if (known) return known;
  const each = error instanceof AggregateError ? error.errors.map(String).join(', ') : '';
  return { reason: 'other', text: error.message || each };
}
