import { openTcp } from './raw-websocket.js';
import { whenClosed, within } from './until.js';

export interface HttpAnswer {
  status: number;
  headers: Map<string, string>;
  body: string;
}

/** Sends text as it is, and reads the head of the answer and, if the server then closes, its body. */
export async function exchangeHttp(url: string, text: string): Promise<HttpAnswer> {
  const socket = await openTcp(url);
  let received = '';
  const answered = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (isWhole(received)) resolve();
    });
  });
  socket.write(text);
  await within(Promise.race([answered, whenClosed(socket)]), 5_000, 'the answer');
  socket.destroy();
  return parse(received);
}

/** A plain request, with `headers` over a `host` that fits the URL. */
export function requestText(
  url: string,
  path: string,
  { method = 'GET', headers = {} as Record<string, string> } = {},
): string {
  const all = { host: new URL(url).host, ...headers };
  return [`${method} ${path} HTTP/1.1`, ...Object.entries(all).map(([k, v]) => `${k}: ${v}`), '', ''].join('\r\n');
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /^content-length: (\d+)/im.exec(text)?.[1];
  return length === undefined ? /^HTTP\/1.1 101/.test(text) : text.length >= end + 4 + Number(length);
}

function parse(text: string): HttpAnswer {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Map(
    lines.map((line) => [line.split(':', 1).join().toLowerCase(), line.replace(/^[^:]*:\s*/, '')]),
  );
  return { status: Number(first.split(' ')[1]), headers, body };
}
