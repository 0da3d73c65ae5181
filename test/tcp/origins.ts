import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { atEnd } from '../harness/index.js';

export interface TcpOrigin {
  host: string;
  port: number;
  /** Those that are open. */
  sockets: Set<Socket>;
}

/** A TCP server on loopback; the connections it takes stay half open until it ends them. */
export async function startTcp(onSocket: (socket: Socket) => void, host = '127.0.0.1'): Promise<TcpOrigin> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  server.listen(0, host);
  await once(server, 'listening');
  atEnd(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { host, port: (server.address() as AddressInfo).port, sockets };
}

export const echoing = (socket: Socket) => void socket.pipe(socket);
