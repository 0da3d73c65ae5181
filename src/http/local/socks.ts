import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import { percentDecoded } from './check-url.js';
import type { TunnelTarget } from './tunnel.js';

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const USER_AND_PASSWORD = 2;
const CONNECT = 1;
const ADDRESS_LENGTHS: Record<number, number> = { 1: 4, 4: 16 };
const DOMAIN = 3;
const REFUSALS: Record<number, string> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'TTL expired',
  7: 'command not supported',
  8: 'address type not supported',
};

/**
 * Asks a SOCKS 5 proxy (RFC 1928, RFC 1929) for a connection to the target, whose name the proxy resolves. Afterwards the
 * socket carries the connection. Rejects with what the proxy said.
 */
export async function socksHandshake(socket: Socket, proxy: URL, target: TunnelTarget): Promise<void> {
  if (socket.connecting) await once(socket, 'connect');
  const user = percentDecoded(proxy.username);
  const methods = user ? [NO_AUTHENTICATION, USER_AND_PASSWORD] : [NO_AUTHENTICATION];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const [version, method] = await take(socket, 2);
  if (version !== VERSION) throw new Error('it does not speak SOCKS 5');
  if (method === USER_AND_PASSWORD && user) await authenticate(socket, user, percentDecoded(proxy.password));
  else if (method !== NO_AUTHENTICATION) throw new Error('it wants a user and password, or others');
  await connect(socket, target);
}

async function authenticate(socket: Socket, user: string, password: string): Promise<void> {
  socket.write(Buffer.concat([Buffer.from([1]), counted(user), counted(password)]));
  const [, status] = await take(socket, 2);
  if (status !== 0) throw new Error('it refused the user and password');
}

async function connect(socket: Socket, { host, port }: TunnelTarget): Promise<void> {
  socket.write(
    Buffer.concat([Buffer.from([VERSION, CONNECT, 0]), address(host), Buffer.from([port >> 8, port & 0xff])]),
  );
  const [, status = 1, , type = 0] = await take(socket, 4);
  if (status !== 0) throw new Error(REFUSALS[status] ?? `refused with status ${status}`);
  const length = type === DOMAIN ? (await take(socket, 1))[0] : ADDRESS_LENGTHS[type];
  if (length === undefined) throw new Error('it answered with an address of unknown type');
  await take(socket, length + 2);
}

function address(host: string): Buffer {
  const family = isIP(host);
  if (family === 4) return Buffer.from([1, ...host.split('.').map(Number)]);
  // A proxy takes an IPv6 address as a name too, and knows how to read it.
  return Buffer.concat([Buffer.from([DOMAIN]), counted(host)]);
}

function counted(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 255) throw new Error('names and passwords have at most 255 bytes');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** Exactly so many bytes; what follows them stays in the socket. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(length) as Buffer | null;
    if (bytes?.length === length) return bytes;
    if (bytes) socket.unshift(bytes);
    if (socket.readableEnded || socket.destroyed) throw new Error('it closed the connection');
    await changed(socket);
  }
}

/** There is more to read, or never will be. Rejects with the error that ended the connection. */
async function changed(socket: Socket): Promise<void> {
  const listening = new AbortController();
  const { signal } = listening;
  try {
    await Promise.race([once(socket, 'readable', { signal }), once(socket, 'close', { signal })]);
  } finally {
    listening.abort();
  }
}
