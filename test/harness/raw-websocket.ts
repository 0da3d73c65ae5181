import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { atEnd } from './cleanup.js';
import { within } from './until.js';

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  fin: boolean;
  opcode: number;
  payload: Buffer;
}

/** A frame of RFC 6455 as a client sends it: masked. */
export function encodeFrame({ fin = true, opcode = Opcode.text, payload = Buffer.alloc(0) }: Partial<Frame>): Buffer {
  const mask = randomBytes(4);
  const header = encodeHeader({ fin, opcode, payloadBytes: payload.length });
  return Buffer.concat([header, mask, payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]);
}

/** The header of a masked frame, up to its mask: what announces a payload that need not follow. */
export function encodeHeader({ fin = true, opcode = Opcode.text as number, payloadBytes = 0 }): Buffer {
  const first = (fin ? 0x80 : 0) | opcode;
  if (payloadBytes < 126) return Buffer.from([first, 0x80 | payloadBytes]);
  if (payloadBytes < 65_536) return Buffer.from([first, 0x80 | 126, payloadBytes >> 8, payloadBytes & 0xff]);
  const header = Buffer.alloc(10);
  header.set([first, 0x80 | 127]);
  header.writeBigUInt64BE(BigInt(payloadBytes), 2);
  return header;
}

/** A WebSocket made of a TCP socket: what is sent and what comes is frames, and nothing is answered by itself. */
export class RawWebSocket {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  #chunks: Buffer[] = [];
  #bytes = 0;
  #needed = 2;

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<RawWebSocket> {
    const socket = await openTcp(url);
    const raw = new RawWebSocket(socket);
    socket.write(upgradeRequest({ host: new URL(url).host, ...headers }));
    let head: Buffer = Buffer.alloc(0);
    while (!head.includes('\r\n\r\n')) {
      const [chunk] = await within(once(socket, 'data'), 5_000, 'the answer to the upgrade');
      head = Buffer.concat([head, chunk]);
    }
    if (!head.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(`refused: ${head}`);
    socket.on('data', (chunk: Buffer) => raw.#receive(chunk));
    raw.#receive(head.subarray(head.indexOf('\r\n\r\n') + 4));
    return raw;
  }

  send(frame: Partial<Frame>): void {
    this.socket.write(encodeFrame(frame));
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // Joined only when there is enough of it: joining at every chunk would be quadratic for large frames.
    while (this.#bytes >= this.#needed) {
      const all = Buffer.concat(this.#chunks);
      const parsed = parseFrame(all);
      this.#needed = typeof parsed === 'number' ? parsed : 2;
      const rest = typeof parsed === 'number' ? all : all.subarray(parsed.bytes);
      this.#chunks = [rest];
      this.#bytes = rest.length;
      if (typeof parsed === 'number') continue;
      this.frames.push(parsed.frame);
      this.socket.emit('frame', parsed.frame);
    }
  }
}

/** The first frame, or how many bytes are needed to know more. */
function parseFrame(bytes: Buffer): { frame: Frame; bytes: number } | number {
  const [first = 0, second = 0] = bytes;
  const lengthBytes = second === 126 ? 2 : second === 127 ? 8 : 0;
  if (bytes.length < 2 + lengthBytes) return 2 + lengthBytes;
  const length = lengthBytes === 0 ? second : Number(`0x${bytes.toString('hex', 2, 2 + lengthBytes)}`);
  const end = 2 + lengthBytes + length;
  if (bytes.length < end) return end;
  const payload = bytes.subarray(2 + lengthBytes, end);
  return { frame: { fin: (first & 0x80) !== 0, opcode: first & 0x0f, payload }, bytes: end };
}

/** A TCP connection to the host and port of a URL; destroyed with the test. */
export async function openTcp(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), noDelay: true });
  atEnd(() => socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => undefined); // `close` follows
  return socket;
}

/** An upgrade request, with `headers` over the usual ones; an empty value leaves one out. */
export function upgradeRequest(headers: Record<string, string>, { path = '/', version = '1.1' } = {}): string {
  const all = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === '' ? [] : `${name}: ${value}`));
  return [`GET ${path} HTTP/${version}`, ...lines, '', ''].join('\r\n');
}
