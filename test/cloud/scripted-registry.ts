import { once } from 'node:events';
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import { atEnd } from '../harness/index.js';

/** What a registry answers to one request. */
export interface ScriptedAnswer {
  status?: number;
  headers?: Record<string, string>;
  body: unknown;
}

export interface SeenRequest {
  method: string;
  path: string;
  authorization: string | undefined;
  body: unknown;
}

/** A registry on 127.0.0.1 that says what it is told to, and refuses every WebSocket. Ends with the test. */
export class ScriptedRegistry {
  readonly seen: SeenRequest[] = [];
  /** WebSocket handshakes that were refused. */
  refusedHandshakes = 0;
  /** What is said to the next request. */
  answer: (request: SeenRequest) => ScriptedAnswer = () => refuse(500, 'unscripted', 'nothing to say');
  handshake: ScriptedAnswer = refuse(401, 'url_expired', 'the URL is too old');
  url = '';

  static async listen(): Promise<ScriptedRegistry> {
    const registry = new ScriptedRegistry();
    const server = createServer((request, response) => {
      void registry.#hear(request).then((seen) => {
        registry.seen.push(seen);
        const { status = 200, headers = {}, body } = registry.answer(seen);
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
      });
    });
    server.on('upgrade', (_request, socket) => {
      registry.refusedHandshakes++;
      const { status = 401, body } = registry.handshake;
      const text = JSON.stringify(body);
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    atEnd(() => {
      server.closeAllConnections();
      server.close();
    });
    registry.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return registry;
  }

  /** A signed URL that it refuses itself. */
  get refusedUrl(): string {
    return `${this.url.replace('http', 'ws')}/rendezvous/harness?ticket=s3cret`;
  }

  async #hear(request: IncomingMessage): Promise<SeenRequest> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const { method = '', url = '', headers } = request;
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    return { method, path: url, authorization: headers.authorization, body };
  }
}

export function refuse(status: number, code: string, message: string, headers = {}): ScriptedAnswer {
  return { status, headers, body: { error: { code, message } } };
}

/** The answer to `connect`. */
export function connected(environmentId: string, url: string): ScriptedAnswer {
  const transport = 'direct_jsonrpc_v1';
  return { body: { environment_id: environmentId, transport, registration_id: 'reg-1', url } };
}
