import type { RequestListener, ServerResponse } from 'node:http';
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/http/types.js';
import { until } from '../harness/index.js';
import { echo, type Origin, type SeenRequest } from './origins.js';

export interface HttpPlace {
  /** A client for one test; it ends with the test. */
  open(): HttpClient;
  /** The environment variable HTTP_BEHAVIOUR_TOKEN of the place is this. */
  token: string;
  /** The version of a real server: it says less when it fails, and has none of our extensions. */
  real?: string | undefined;
}

/** What holds of HTTP requests wherever they start. All places under test share this machine's loopback. */

export function headerIn(seen: SeenRequest, name: string): string | undefined {
  const at = seen.rawHeaders.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
  return at < 0 ? undefined : seen.rawHeaders[at + 1];
}

export async function seenBy(client: HttpClient, request: HttpRequest): Promise<SeenRequest> {
  return JSON.parse((await client.request(request)).body.toString()) as SeenRequest;
}

export async function readAll(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** `/from` leads to the location, whatever else is asked is echoed. */
export function redirecting(status: number, location: string): RequestListener {
  return (request, response) => {
    if (request.url !== '/from') return echo(request, response);
    response.writeHead(status, { location }).end('redirecting');
  };
}

export function headerOf(headers: HttpResponse['headers'], name: string): string | undefined {
  return headers.find((header) => header.name === name)?.value;
}

export async function sendBlocks(response: ServerResponse, block: Buffer, count: number): Promise<void> {
  for (let i = 0; i < count && !response.destroyed; i++) {
    if (response.write(block)) continue;
    await drained(response);
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
  });
}

/** Bytes that the origin has handed to the system, once it hands over no more. */
export async function standstill(origin: Origin): Promise<number> {
  const sent = () => [...origin.sockets].reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);
  let before = -1;
  let still = 0;
  await until(
    () => {
      still = sent() === before ? still + 1 : 0;
      before = sent();
      return still >= 40;
    },
    { timeoutMs: 30_000, what: 'the standstill of the origin' },
  );
  return sent();
}
