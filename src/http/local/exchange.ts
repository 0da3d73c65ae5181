import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { TLSSocket } from 'node:tls';
import { httpFailed } from '../errors.js';
import { has, type OutgoingRequest } from './check-request.js';
import { failure } from './failure.js';
import { MAX_RESPONSE_HEADER_BYTES } from './limits.js';
import type { RequestLife } from './request-life.js';
import type { Route, Routes } from './routes.js';
import { upload } from './upload.js';

/** Requests that may be sent twice without having effect twice (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/**
 * Sends one request and waits for the head of its answer; the answer's body is paused until it is read.
 * Rejects with a WireError. A kept connection that the origin closed just then is no failure where it is safe to try again.
 */
export async function exchange(outgoing: OutgoingRequest, routes: Routes, life: RequestLife): Promise<IncomingMessage> {
  for (;;) {
    life.url = outgoing.url.href;
    life.phase = 'connect';
    const attempt: { reused: boolean } = { reused: false };
    try {
      return await sendOnce(outgoing, routes.to(outgoing.url), life, attempt);
    } catch (error) {
      const repeatable = IDEMPOTENT.has(outgoing.method) && (!outgoing.body || Buffer.isBuffer(outgoing.body));
      if (attempt.reused && repeatable && isReset(error) && !life.ended) continue;
      throw failure(error, life);
    }
  }
}

function sendOnce(
  outgoing: OutgoingRequest,
  route: Route,
  life: RequestLife,
  attempt: { reused: boolean },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    life.signal.throwIfAborted();
    const request = prepare(outgoing, route);
    const onEnd = () => {
      request.destroy(life.ended);
      reject(life.ended); // a request that still waits for its tunnel would tell only when that is there
    };
    life.signal.addEventListener('abort', onEnd, { once: true });
    request.once('close', () => life.signal.removeEventListener('abort', onEnd));
    request.once('socket', () => {
      attempt.reused = request.reusedSocket;
      followConnecting(request, life);
    });
    request.once('response', (response) => {
      life.phase = 'body';
      // Who has answered in full does not want the rest of the request, and the connection stands in the middle of it.
      response.once('end', () => request.writableFinished || request.destroy());
      resolve(response);
    });
    request.once('upgrade', (_response, socket) => {
      socket.destroy();
      const { phase, url } = life;
      const text = 'the origin switched protocols, which a request cannot follow; forward a port instead';
      reject(httpFailed({ reason: 'malformed_response', phase, url, text }));
    });
    // After the answer has begun, its body tells what happens to the connection.
    request.on('error', reject);
    send(request, outgoing.body, life);
  });
}

/** Node by itself adds `connection`, writes methods in upper case, and announces an empty body; real peers do not. */
function prepare(outgoing: OutgoingRequest, route: Route): ClientRequest {
  const options: RequestOptions = {
    agent: route.agent,
    host: route.host,
    port: route.port,
    path: route.target,
    method: outgoing.method,
    setHost: false,
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
  };
  const request = route.secure ? httpsRequest(options) : httpRequest(options);
  request.method = outgoing.method;
  for (const name of ['connection', 'content-length', 'transfer-encoding']) request.removeHeader(name);
  for (const [name, values] of headersOf(outgoing, route)) request.setHeader(name, values);
  return request;
}

/** In order; repeats of a name stand together where its first stood, as from the real peers. */
function headersOf({ url, headers, body }: OutgoingRequest, route: Route): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  const add = (name: string, value: string) => lines.set(name, [...(lines.get(name) ?? []), value]);
  for (const { name, value } of headers) add(name, value);
  if (!lines.has('host')) add('host', url.host);
  if (body !== undefined && !has(headers, 'content-length') && !has(headers, 'transfer-encoding')) {
    if (Buffer.isBuffer(body)) add('content-length', String(body.length));
    else add('transfer-encoding', 'chunked');
  }
  for (const { name, value } of route.headers) add(name, value);
  return lines;
}

function followConnecting(request: ClientRequest, life: RequestLife): void {
  const { socket } = request;
  if (!socket || request.reusedSocket) {
    life.phase = 'headers';
    return;
  }
  const connected = socket instanceof TLSSocket ? 'secureConnect' : 'connect';
  if (connected === 'connect' && !socket.connecting) life.phase = 'headers';
  else socket.once(connected, () => connecting(life));
}

function connecting(life: RequestLife): void {
  if (life.phase === 'connect') life.phase = 'headers';
}

function send(request: ClientRequest, body: OutgoingRequest['body'], life: RequestLife): void {
  if (body === undefined || Buffer.isBuffer(body)) return void request.end(body);
  request.flushHeaders(); // an origin may answer on them alone, before the body's first piece
  upload(body, request, life).catch(() => undefined); // it tells `life`
}

function isReset(error: unknown): boolean {
  return error instanceof Error && ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');
}
