import { createHash } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { RendezvousError } from './errors.js';
import { errorAnswer } from './http-answer.js';

/** Of RFC 6455, section 1.3. */
const HANDSHAKE_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Throws RendezvousError for a request that asks for no WebSocket as RFC 6455, section 4.2.1 has it. */
export function checkHandshake(request: IncomingMessage): void {
  const { headers, method, httpVersion } = request;
  const problem =
    method !== 'GET' || httpVersion !== '1.1'
      ? 'a WebSocket needs GET over HTTP/1.1'
      : headers.upgrade?.toLowerCase() !== 'websocket'
        ? 'expected an upgrade to `websocket`'
        : headers['sec-websocket-version'] !== '13'
          ? 'expected `sec-websocket-version: 13`'
          : !/^[A-Za-z0-9+/]{22}==$/.test(headers['sec-websocket-key'] ?? '')
            ? '`sec-websocket-key` is none'
            : undefined;
  if (problem) throw new RendezvousError('invalid_request', problem);
}

/** Answers with 101. No subprotocol and no extension is agreed on. */
export function acceptHandshake(request: IncomingMessage, socket: Duplex): void {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${HANDSHAKE_GUID}`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  );
}

/** Answers with what is against it, and ends the connection. */
export function refuseHandshake(socket: Duplex, error: RendezvousError): void {
  const { status, headers, body } = errorAnswer(error);
  const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once('finish', () => socket.destroy()); // a client that never ends its side would keep it for ever
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}
