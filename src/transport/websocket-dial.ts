import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import type { Channel } from '../rpc/channel.js';
import { DialError } from './dial-error.js';
import { CONNECT_TIMEOUT_MS, MAX_REFUSAL_BYTES } from './limits.js';
import { WebSocketChannel, type WebSocketChannelOptions } from './websocket-channel.js';

export interface DialOptions {
  /** Sent with the upgrade request, such as `authorization`. Never logged. */
  headers?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** What messages call it. Default: the URL without its query and password. For a signed URL, which tells too much even so. */
  shownAs?: string;
  /** Passed to `node:tls`: `ca`, `cert`, `key`, `rejectUnauthorized`. */
  tls?: Record<string, unknown>;
  keepAlive?: Pick<WebSocketChannelOptions, 'pingIntervalMs' | 'deadAfterMs'> | undefined;
  /** What to say of the body of a refusal, of which 4 KiB are read. Default: nothing, it may quote a token. */
  describeRefusal?: ((body: string) => string) | undefined;
}

/** Dials `ws://`, `wss://` or `unix:///path`. Throws DialError. */
export function dialWebSocket(url: string, options: DialOptions = {}): Promise<Channel> {
  const timeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  const shown = options.shownAs ?? redact(url);
  // The `ws+unix:` URLs of `ws` have no way to write a path with a space, a colon or anything beyond ASCII.
  const unixPath = url.startsWith('unix://') ? url.slice('unix://'.length) : undefined;
  return new Promise((resolve, reject) => {
    let socket: WebSocket;
    try {
      socket = new WebSocket(unixPath === undefined ? url : 'ws://localhost/', {
        perMessageDeflate: false, // 0.129 hangs up on the offer
        maxPayload: MAX_MESSAGE_BYTES,
        followRedirects: false,
        headers: options.headers ?? {},
        ...(unixPath !== undefined && { createConnection: () => connect(unixPath) }),
        ...options.tls,
      });
    } catch (error) {
      reject(new DialError(`cannot connect to \`${shown}\`: ${messageOf(error)}`, { cause: error }));
      return;
    }
    let refusal: DialError | undefined;
    const fail = (error: DialError) => {
      cleanUp();
      socket.on('error', () => undefined); // terminating a socket that is still connecting emits one more; `error` says it all
      socket.terminate();
      reject(refusal ?? error);
    };
    const onAbort = () =>
      fail(new DialError(`connecting to \`${shown}\` was cancelled`, { cause: options.signal?.reason }));
    const timer = setTimeout(
      () => fail(new DialError(`\`${shown}\` did not answer the WebSocket handshake within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const cleanUp = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
    };
    const onError = (error: Error) =>
      fail(new DialError(`cannot connect to \`${shown}\`: ${messageOf(error)}`, { cause: error }));
    socket.on('error', onError);
    socket.on('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? 0;
      const problem = `\`${shown}\` refused the WebSocket with HTTP ${status}`;
      refusal = new DialError(problem, { status }); // should the rest of the answer not come
      const { describeRefusal } = options;
      if (!describeRefusal) return fail(refusal);
      void readBeginning(response).then((body) => {
        refusal = new DialError(`${problem}: ${describeRefusal(body)}`, { status });
        fail(refusal);
      });
    });
    // The upgrade comes right before `open`, and brings the socket underneath.
    socket.on('upgrade', ({ socket: transport }) => {
      socket.on('open', () => {
        cleanUp();
        resolve(
          new WebSocketChannel(socket, {
            description: `websocket ${shown}`,
            transport,
            accepted: false,
            ...options.keepAlive,
          }),
        );
      });
    });
    if (options.signal?.aborted) onAbort();
    else options.signal?.addEventListener('abort', onAbort);
  });
}

async function readBeginning(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_REFUSAL_BYTES) break;
    }
  } catch {
    // it was cut short: what has come will do
  }
  return Buffer.concat(chunks).subarray(0, MAX_REFUSAL_BYTES).toString();
}

function messageOf(error: unknown): string {
  // Happy-eyeballs failures arrive as an AggregateError with an empty message.
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/** URLs may carry tokens in their query or user info. */
function redact(url: string): string {
  return url.replace(/\?.*$/s, '?…').replace(/\/\/[^/@]*@/, '//…@');
}
