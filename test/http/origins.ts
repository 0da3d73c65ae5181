import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { atEnd, whenClosed } from '../harness/index.js';
import type { Certificate } from './certificates.js';

export interface Origin {
  url: string;
  port: number;
  /** Connections that are open. */
  sockets: Set<Socket>;
  /** How many there have been. */
  connections: number;
}

/** What a request looked like to the origin. */
export interface SeenRequest {
  method: string;
  url: string;
  /** Name, value, name, value … */
  rawHeaders: string[];
  body: string;
}

type OnConnect = (request: IncomingMessage, socket: Socket) => void;

/** An HTTP origin on loopback. `host`: ::1 for IPv6. */
export async function startOrigin(
  answer: RequestListener,
  { host = '127.0.0.1', onConnect }: { host?: string; onConnect?: OnConnect } = {},
): Promise<Origin> {
  const server = createServer(answer);
  if (onConnect) server.on('connect', onConnect);
  return await listen(server, 'http', host);
}

/** An https origin on loopback. */
export async function startTlsOrigin(
  { key, cert }: Certificate,
  answer: RequestListener,
  { onConnect }: { onConnect?: OnConnect } = {},
): Promise<Origin> {
  const server = createTlsServer({ key, cert }, answer);
  if (onConnect) server.on('connect', onConnect);
  return await listen(server, 'https', '127.0.0.1');
}

/** Speaks whatever it likes. */
export async function startTcpOrigin(onSocket: (socket: Socket) => void): Promise<Origin> {
  return await listen(createTcpServer(onSocket), 'http', '127.0.0.1');
}

/** Answers each request with what it saw of it, as JSON. */
export const echo: RequestListener = (request, response) => {
  readBody(request).then(
    (body) => {
      const { method = '', url = '', rawHeaders } = request;
      const seen: SeenRequest = { method, url, rawHeaders, body: body.toString('latin1') };
      response.end(JSON.stringify(seen));
    },
    (error) => response.destroy(error),
  );
};

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A port on which nobody listens. */
export async function refusingPort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await whenClosed(server);
  return port;
}

/** A port behind which nobody accepts, and whose queue is full: connecting to it takes for ever. */
export async function startDeafPort(): Promise<number> {
  const script = `const { connect, createServer } = require('node:net');
    const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      const { port } = server.address();
      for (let i = 0; i < 8; i++) connect(port, '127.0.0.1');
      process.nextTick(() => {
        require('node:fs').writeSync(1, String(port));
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      });
    });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  atEnd(() => child.kill('SIGKILL'));
  return Number((await once(child.stdout, 'data'))[0]);
}

async function listen(server: Server | TcpServer, scheme: string, host: string): Promise<Origin> {
  const sockets = new Set<Socket>();
  const origin: Origin = { url: '', port: 0, sockets, connections: 0 };
  server.on('connection', (socket: Socket) => {
    origin.connections++;
    sockets.add(socket);
    socket.on('error', () => undefined); // the client's end of it is under test
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  atEnd(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  origin.port = (server.address() as AddressInfo).port;
  origin.url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${origin.port}`;
  return origin;
}
