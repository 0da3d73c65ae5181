import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import {
  type EventStore,
  type JSONRPCMessage,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { atEnd } from '../harness/index.js';

export interface HttpMcpServerOptions {
  /** The tools, for every session anew. */
  tools: (server: McpServer) => void;
  /** Keeps what goes out on streams, so that one that was cut can be resumed. */
  resumable?: boolean;
  /** Answers in the server's place, when it answers. */
  guard?: (request: IncomingMessage, url: string) => Promise<Response | undefined>;
}

export interface HttpMcpServer {
  url: string;
  /** The requests that came, by HTTP method and, for a message, by its own. */
  seen: string[];
  /** Answers 404 from now on for the sessions that there are; their streams go on. */
  forgetSessions(): void;
  /** Resolves when no stream is behind: the SDK's server itself does not wait for its clients. */
  drained(): Promise<void>;
  /** Resets every socket on which something is under way. */
  cutSockets(): void;
}

/** A server made with the official SDK, over Streamable HTTP on loopback. Ends with the test. */
export async function startHttpMcpServer(options: HttpMcpServerOptions): Promise<HttpMcpServer> {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const all: McpServer[] = [];
  const seen: string[] = [];
  const open = async () => {
    const transport: WebStandardStreamableHTTPServerTransport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      ...(options.resumable && { eventStore: new MemoryEventStore(), retryInterval: 10 }),
    });
    const server = new McpServer({ name: 'http', version: '1' }, { capabilities: { logging: {} } });
    options.tools(server);
    all.push(server);
    await server.connect(transport);
    return transport;
  };
  const answer = async (incoming: IncomingMessage): Promise<Response> => {
    const guarded = await options.guard?.(incoming, url);
    if (guarded) return guarded;
    const body = incoming.method === 'POST' ? (await incoming.toArray()).join('') : undefined;
    seen.push([incoming.method, body && JSON.parse(body).method].filter(Boolean).join(' '));
    const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)]);
    const request = new Request(url, { method: incoming.method ?? 'GET', headers, ...(body && { body }) });
    const id = incoming.headers['mcp-session-id'];
    const session = typeof id === 'string' ? sessions.get(id) : await open();
    return session?.handleRequest(request) ?? new Response('unknown session', { status: 404 });
  };
  const responses = new Set<ServerResponse>();
  const http = createServer((request, response) => {
    responses.add(response);
    response.on('close', () => responses.delete(response));
    void answer(request).then((given) => pass(given, response));
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  atEnd(async () => {
    for (const server of all) await server.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  const drained = async () => {
    await new Promise(setImmediate); // what has just been sent is on its way to the socket
    for (const response of responses) if (response.writableNeedDrain) await once(response, 'drain');
  };
  return { url, seen, drained, forgetSessions: () => sessions.clear(), cutSockets: () => http.closeAllConnections() };
}

function pass(answer: Response, response: ServerResponse): void {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.flushHeaders();
  if (!answer.body) return void response.end();
  const body = Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]);
  body.on('error', () => response.destroy());
  response.on('close', () => body.destroy());
  body.pipe(response);
}

class MemoryEventStore implements EventStore {
  readonly #events: { streamId: string; message: JSONRPCMessage }[] = [];

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    return String(this.#events.push({ streamId, message }) - 1);
  }

  async replayEventsAfter(last: string, { send }: Parameters<EventStore['replayEventsAfter']>[1]): Promise<string> {
    const { streamId } = this.#events[Number(last)] ?? { streamId: 'none' };
    for (const [id, event] of this.#events.entries()) {
      // The event that opens a stream carries nothing.
      if (id > Number(last) && event.streamId === streamId && 'jsonrpc' in event.message) {
        await send(String(id), event.message);
      }
    }
    return streamId;
  }
}
