import { request as httpRequest, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Certificate } from './certificates.js';
import { type Origin, startOrigin, startTcpOrigin, startTlsOrigin } from './origins.js';

export interface RecordingProxy extends Origin {
  /** `GET http://…` and `CONNECT host:port`, in order. */
  asked: string[];
  /** The proxy-authorization of each. */
  credentials: (string | undefined)[];
}

/** A forward proxy that notes what it is asked. `refuse`: the status with which it answers every CONNECT. */
export async function startProxy({
  refuse,
  certificate,
}: {
  refuse?: number;
  certificate?: Certificate;
} = {}): Promise<RecordingProxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const note = ({ method, url, headers }: IncomingMessage) => {
    asked.push(`${method} ${url}`);
    credentials.push(headers['proxy-authorization']);
  };
  const answer: RequestListener = (request, response) => {
    note(request);
    forward(request, response);
  };
  const onConnect = (request: IncomingMessage, socket: Socket) => {
    note(request);
    if (refuse === undefined) tunnel(request, socket);
    else socket.end(`HTTP/1.1 ${refuse} No Way\r\n\r\n`);
  };
  const starting = certificate
    ? startTlsOrigin(certificate, answer, { onConnect })
    : startOrigin(answer, { onConnect });
  return Object.assign(await starting, { asked, credentials });
}

function forward(request: IncomingMessage, response: ServerResponse): void {
  const { 'proxy-authorization': _, ...headers } = request.headers;
  const onward = httpRequest(String(request.url), { method: request.method, headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}

function tunnel(request: IncomingMessage, socket: Socket): void {
  const { hostname, port } = new URL(`http://${request.url}`);
  const onward = connect(Number(port), hostname.replace(/[[\]]/g, ''), () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    join(socket, onward);
  });
  onward.on('error', () => socket.destroy());
}

/** A SOCKS 5 proxy for one user, or for anyone. */
export async function startSocksProxy(user?: { name: string; password: string }): Promise<RecordingProxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const origin = await startTcpOrigin((socket) => {
    const state = { stage: 'greeting' };
    const onData = (bytes: Buffer) => {
      if (state.stage === 'greeting') {
        state.stage = user ? 'user' : 'request';
        socket.write(Buffer.from([5, user ? 2 : 0]));
      } else if (state.stage === 'user') {
        const name = bytes.subarray(2, 2 + Number(bytes[1])).toString();
        const password = bytes.subarray(3 + Number(bytes[1])).toString();
        credentials.push(`${name}:${password}`);
        state.stage = 'request';
        socket.write(Buffer.from([1, name === user?.name && password === user?.password ? 0 : 1]));
      } else {
        socket.off('data', onData);
        const host = bytes[3] === 3 ? bytes.subarray(5, -2).toString() : bytes.subarray(4, 8).join('.');
        const port = bytes.readUInt16BE(bytes.length - 2);
        asked.push(`${host}:${port}`);
        const onward = connect(port, host, () => {
          socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
          join(socket, onward);
        });
        onward.on('error', () => socket.end(Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0])));
      }
    };
    socket.on('data', onData);
  });
  return Object.assign(origin, { asked, credentials });
}

function join(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  one.on('error', () => other.destroy()).on('close', () => other.destroy());
  other.on('error', () => one.destroy()).on('close', () => one.destroy());
}
