import { once } from 'node:events';
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { WebSocket } from 'ws';
import { whenClosed } from './until.js';

/** How a connection ended. 1006: without a close frame. */
export interface LinkEnd {
  code: number;
  reason: string;
}

/** What carries the messages of a RawClient. */
export interface Link {
  onMessage(receive: (text: string) => void): void;
  /** A Buffer goes out as a binary frame where there are frames, and as it is otherwise. */
  send(data: string | Buffer): void;
  pause(): void;
  resume(): void;
  /** Destroys the socket, without a close frame. */
  cut(): void;
  close(): void;
  readonly closed: Promise<LinkEnd>;
}

/** Dials `ws://…` or `unix:///path`. */
export async function dialLink(url: string, headers: Record<string, string> = {}): Promise<Link> {
  const unixPath = url.startsWith('unix://') ? url.slice('unix://'.length) : undefined;
  const socket = new WebSocket(unixPath === undefined ? url : 'ws://localhost/', {
    perMessageDeflate: false,
    maxPayload: 0,
    headers,
    ...(unixPath !== undefined && { createConnection: () => connect(unixPath) }),
  });
  const link = webSocketLink(socket);
  await once(socket, 'open');
  socket.on('error', () => undefined); // `close` follows
  return link;
}

/** Over a WebSocket of either side. */
export function webSocketLink(socket: WebSocket): Link {
  const early: string[] = [];
  let receive = (text: string): void => {
    early.push(text);
  };
  socket.on('message', (data) => receive(data.toString()));
  return {
    onMessage(handler) {
      receive = handler;
      for (const text of early.splice(0)) handler(text);
    },
    send: (data) => socket.send(data),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    cut: () => socket.terminate(),
    close: () => socket.close(1000),
    closed: whenClosed(socket).then(([code, reason]) => ({ code: Number(code), reason: String(reason) })),
  };
}

/** One message per line, as over the stdio of a server. */
export function lineLink(input: Readable, output: Writable): Link {
  let rest = '';
  let receive: ((text: string) => void) | undefined;
  const deliver = () => {
    if (!receive) return;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) receive(line);
  };
  input.setEncoding('utf8');
  input.on('data', (chunk: string) => {
    rest += chunk;
    deliver();
  });
  output.on('error', () => undefined); // the end of the input tells it
  return {
    onMessage(handler) {
      receive = handler;
      deliver();
    },
    send(data) {
      output.write(typeof data === 'string' ? `${data}\n` : data);
    },
    pause: () => void input.pause(),
    resume: () => void input.resume(),
    cut() {
      input.destroy();
      output.destroy();
    },
    close: () => void output.end(),
    closed: whenClosed(input).then(() => ({ code: 1000, reason: 'end of output' })),
  };
}
