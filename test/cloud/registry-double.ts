import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { expect } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { atEnd, RawClient, webSocketLink, within } from '../harness/index.js';
import type { Certificate } from '../http/certificates.js';

export interface DoubleOptions {
  /** Default `executor`: 0.129.0's contract. */
  contract?: 'executor' | 'direct';
  environmentId?: string;
  name?: string;
  labels?: Record<string, string>;
  /** For https and wss. */
  certificate?: Certificate;
  /** Besides those that the contract asks for. */
  headers?: Record<string, string>;
  /** Hands out a control URL as well, as a rendezvous of ours. */
  control?: boolean;
}

/** How the next request is answered instead. */
export interface Refusal {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** The parts of a signed URL that must show up nowhere. */
export const SIGNATURE = 'sig-5ecret';

/**
 * A registry of 0.129.0's contract, or of the direct one, that puts up with nothing else: whatever deviates in method, path,
 * header or body fails the test at its end. Its rendezvous is one socket per dial, at whose other end the test sits.
 */
export class RegistryDouble {
  token = 'token-5ecret';
  /** Answers to the next registrations, and HTTP statuses of the next handshakes. */
  readonly refusals: Refusal[] = [];
  readonly dialRefusals: number[] = [];
  /** Takes dials, and answers none of them. */
  isMute = false;
  /** Bodies of the registrations that were answered with a URL. */
  readonly registered: Record<string, unknown>[] = [];
  /** Paths and queries of the handshakes, refused or not. */
  readonly dialled: string[] = [];
  requests = 0;
  readonly #options: DoubleOptions;
  readonly #violations: string[] = [];
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #ready: WebSocket[] = [];
  readonly #waiting: ((socket: WebSocket) => void)[] = [];
  readonly #open = new Set<Duplex>();
  readonly #held: Duplex[] = [];
  #server: Server | undefined;
  #port = 0;

  private constructor(options: DoubleOptions) {
    this.#options = options;
  }

  static async start(options: DoubleOptions = {}): Promise<RegistryDouble> {
    const double = new RegistryDouble(options);
    await double.up();
    atEnd(async () => {
      await double.down();
      expect(double.#violations).toEqual([]);
    });
    return double;
  }

  get baseUrl(): string {
    return `${this.#options.certificate ? 'https' : 'http'}://127.0.0.1:${this.#port}`;
  }

  /** Listens, on the same port as before. */
  async up(): Promise<void> {
    const { certificate } = this.#options;
    const onRequest = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    const server = certificate ? createTlsServer(certificate, onRequest) : createServer(onRequest);
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
    });
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Dies: listens no more, and cuts what is open. */
  async down(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  /** A client at the other end of the next socket that the executor dials. */
  async accept(): Promise<RawClient> {
    const socket = this.#ready.shift() ?? (await within(this.#next(), 10_000, 'a dial of the executor'));
    const client = new RawClient(webSocketLink(socket));
    atEnd(() => client.cut());
    return client;
  }

  /** What it signs: a path with a query that is dialled at its own address. */
  signed(path: string): string {
    return `${this.baseUrl.replace('http', 'ws')}${path}`;
  }

  /** Ends those that came while it was mute. */
  cutDials(): void {
    for (const socket of this.#held.splice(0)) socket.destroy();
  }

  #next(): Promise<WebSocket> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.requests++;
    const { contract = 'executor', environmentId = 'ex-1' } = this.#options;
    const path =
      contract === 'executor'
        ? `/cloud/executor/${environmentId}/register`
        : `/cloud/environment/${environmentId}/direct/register`;
    const reply = ({ status, headers = {}, body = {} }: Refusal) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    const knowsBoth = contract === 'direct' && request.url === `/cloud/executor/${environmentId}/register`;
    if (knowsBoth) return void reply({ status: 404, body: { error: { code: 'not_found', message: 'no such path' } } });
    this.#require('method and path', `${request.method} ${request.url}`, `POST ${path}`);
    this.#requireHeaders(request, Buffer.concat(chunks).length);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    this.#requireBody(body);
    const refusal = this.refusals.shift();
    if (refusal) return void reply(refusal);
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      // It quotes what came, as no registry should.
      const message = `who is ${request.headers.authorization}?`;
      return void reply({ status: 401, body: { error: { code: 'unauthorized', message } } });
    }
    this.registered.push(body);
    reply({ status: 200, body: this.#registration(environmentId) });
  }

  #registration(environmentId: string): object {
    const id = `reg-${this.registered.length}`;
    const signed = (role: string) => this.signed(`/rv/${SIGNATURE}?role=${role}&reg=${id}`);
    const urls = { url: signed('executor'), ...(this.#options.control && { control_url: signed('control') }) };
    return this.#options.contract === 'direct'
      ? { environment_id: environmentId, transport: 'direct_jsonrpc_v1', registration_id: id, ...urls }
      : { id, executor_id: environmentId, ...urls };
  }

  #requireHeaders({ headers }: IncomingMessage, bodyBytes: number): void {
    const { authorization = '', ...others } = headers;
    this.#require('scheme', authorization.split(' ')[0], 'Bearer');
    this.#require('headers', others, {
      'content-type': 'application/json',
      accept: '*/*',
      host: `127.0.0.1:${this.#port}`,
      'content-length': String(bodyBytes),
      ...this.#options.headers,
    });
  }

  #requireBody(body: Record<string, unknown>): void {
    const { contract = 'executor', environmentId = 'ex-1', name = 'exec-server', labels = {} } = this.#options;
    if (contract === 'direct') {
      this.#require('body', body, { transport: 'direct_jsonrpc_v1' });
      return;
    }
    const { idempotency_id: idempotencyId, ...others } = body;
    if (!/^codex-exec-server-[0-9a-f]{64}$/.test(String(idempotencyId))) {
      this.#violations.push(`idempotency_id: ${idempotencyId}`);
    }
    this.#require('body', others, { executor_id: environmentId, name, labels, metadata: {} });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { url = '', headers } = request;
    this.dialled.push(url);
    const { 'sec-websocket-key': key, ...others } = headers;
    this.#require('a WebSocket key', typeof key, 'string');
    this.#require('headers of the handshake', others, {
      host: `127.0.0.1:${this.#port}`,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
    });
    if (this.isMute) {
      this.#held.push(socket);
      return;
    }
    const status = this.dialRefusals.shift();
    if (status !== undefined) {
      const body = JSON.stringify({ error: { code: 'url_expired', message: `${url} has expired` } });
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
      accepted.on('error', () => undefined); // `close` follows
      const next = this.#waiting.shift();
      if (next) next(accepted);
      else this.#ready.push(accepted);
    });
  }

  #require(what: string, came: unknown, expected: unknown): void {
    try {
      expect(came).toEqual(expected);
    } catch {
      this.#violations.push(`${what}: expected ${JSON.stringify(expected)}, came ${JSON.stringify(came)}`);
    }
  }
}
