import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { MAX_FRAME_BYTES, MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import { errnoOf } from '../protocol/os-error.js';
import { type Channel, CloseCode } from '../rpc/channel.js';
import { FrameGuard } from './frame-guard.js';
import { HTTP_HEADERS_TIMEOUT_MS } from './limits.js';
import { formatWebSocketUrl, type ListenAddress, ListenAddressError } from './listen-address.js';
import { WebSocketChannel, type WebSocketChannelOptions } from './websocket-channel.js';

/** Why an HTTP request or upgrade is turned away. */
export interface HttpRefusal {
  status: number;
  reason: string;
}

export interface WebSocketListenOptions {
  address: Exclude<ListenAddress, { kind: 'stdio' }>;
  /** Asked for every request, upgrade or not, before anything else. */
  refuse(request: IncomingMessage): HttpRefusal | undefined;
  /** Plain HTTP requests that were not refused. */
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  onChannel(channel: Channel, connection: AcceptedConnection): void;
  keepAlive?: Pick<WebSocketChannelOptions, 'pingIntervalMs' | 'deadAfterMs'> | undefined;
}

export interface AcceptedConnection {
  /** Raises or lowers how much one message may hold; before a client has introduced itself, little is enough. */
  setMaxMessageBytes(bytes: number): void;
}

export interface WebSocketListener {
  /** `ws://IP:PORT` with the real port, or `unix:///path`. */
  readonly url: string;
  /** Stops listening; connections that are open stay. */
  close(): Promise<void>;
}

/** Accepts WebSocket connections over TCP or a unix socket, with plain HTTP on the same address. */
export async function listenWebSocket(options: WebSocketListenOptions): Promise<WebSocketListener> {
  const { address } = options;
  const http = createServer(
    { noDelay: true, headersTimeout: HTTP_HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 5_000 },
    (request, response) => {
      const refusal = options.refuse(request);
      if (!refusal) return options.onRequest(request, response);
      response.writeHead(refusal.status, { 'content-type': 'text/plain', connection: 'close' });
      response.end(`${refusal.reason}\n`);
    },
  );
  const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES });
  // A subprotocol offer is answered without one, as the real peers do.
  upgrades.options.handleProtocols = () => false;

  http.on('upgrade', (request, socket, head) => {
    const refusal = options.refuse(request) ?? refuseUpgrade(request);
    if (refusal) return refuseSocket(socket, refusal);
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const { remoteAddress, remotePort } = request.socket;
      const description =
        address.kind === 'unix' ? `unix socket ${address.path}` : `websocket ${remoteAddress}:${remotePort}`;
      const channel = new WebSocketChannel(webSocket, {
        description,
        transport: request.socket,
        accepted: true,
        ...options.keepAlive,
      });
      const limits = { maxFrameBytes: MAX_FRAME_BYTES, maxMessageBytes: MAX_MESSAGE_BYTES };
      const guard = new FrameGuard();
      socket.on('data', (chunk: Buffer) => {
        const problem = guard.inspect(chunk, limits);
        if (problem) channel.close(CloseCode.tooBig, problem);
      });
      options.onChannel(channel, {
        setMaxMessageBytes(bytes) {
          limits.maxMessageBytes = bytes;
        },
      });
    });
  });

  await bind(http, address);
  const url =
    address.kind === 'unix'
      ? `unix://${address.path}`
      : formatWebSocketUrl(address.host, (http.address() as AddressInfo).port);
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve()); // it also unlinks a unix socket
        http.closeIdleConnections();
        resolve(); // upgraded sockets keep the server object open; they are not ours to wait for
      }),
  };
}

/** Only `GET /` over HTTP/1.1 is upgraded. */
function refuseUpgrade(request: IncomingMessage): HttpRefusal | undefined {
  if (request.url !== '/') return { status: 404, reason: 'nothing here; the WebSocket is at /' };
  if (request.httpVersion !== '1.1') return { status: 426, reason: 'a WebSocket needs HTTP/1.1' };
  return undefined;
}

function refuseSocket(socket: Duplex, { status, reason }: HttpRefusal): void {
  const body = `${reason}\n`;
  socket.on('error', () => undefined); // a client that is gone needs no answer; without a listener it would end us
  socket.once('finish', () => socket.destroy()); // a client that never ends its side would keep it for ever
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? 'Error'}\r\ncontent-type: text/plain\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const STATUS_TEXT: Record<number, string> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  426: 'Upgrade Required',
  503: 'Service Unavailable',
};

async function bind(http: Server, address: WebSocketListenOptions['address']): Promise<void> {
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  const umask = address.kind === 'unix' ? process.umask(0o177) : undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      if (address.kind === 'unix') http.listen(address.path, resolve);
      else http.listen({ host: address.host, port: address.port }, resolve);
    });
  } catch (error) {
    throw new ListenAddressError(`cannot listen there: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  } finally {
    if (umask !== undefined) process.umask(umask);
  }
  if (address.kind === 'unix') chmodSync(address.path, 0o600);
}

/** A socket file that nobody listens on is left over from a server that was killed. Anything else is not ours to remove. */
async function removeStaleSocket(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const answered = await new Promise<boolean>((resolve) => {
    const socket: Socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    // A live server whose queue is full answers EAGAIN: only a refusal says that nobody listens.
    socket.on('error', (error) => resolve(errnoOf(error) !== 'ECONNREFUSED' && errnoOf(error) !== 'ENOENT'));
  });
  if (answered) throw new ListenAddressError(`cannot listen on \`${path}\`: another server does`);
  rmSync(path, { force: true });
}
