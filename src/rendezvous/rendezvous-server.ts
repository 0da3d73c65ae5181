import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { checkBaseUrl } from '../registry/request.js';
import { refuseBrowsers } from '../transport/host-policy.js';
import { HTTP_HEADERS_TIMEOUT_MS } from '../transport/limits.js';
import { ListenAddressError } from '../transport/listen-address.js';
import type { AwsCredentials } from './aws-credentials.js';
import type { Cluster } from './cluster.js';
import { DialledSockets } from './dialled-sockets.js';
import { RendezvousError } from './errors.js';
import { ExecutorLinks } from './executor-links.js';
import { errorAnswer, type HttpAnswer, sendAnswer, textAnswer } from './http-answer.js';
import { DRAIN_GRACE_MS, MAX_HEADER_BYTES, REQUEST_TIMEOUT_MS, RETRY_AFTER_MS, RETURN_GRACE_MS } from './limits.js';
import { checkListenUrl, formatListenUrl, parseListenUrl } from './listen-url.js';
import type { RendezvousLog } from './log.js';
import { MemoryCluster } from './memory-cluster.js';
import { Pairs } from './pairs.js';
import { RecordBook } from './record-book.js';
import { Registrar } from './registrar.js';
import { RegistryApi } from './registry-api.js';
import { answerRequest, pathOf } from './routes.js';
import type { SigningKeys } from './signing-keys.js';
import { type TicketKind, Tickets, ticketClaims } from './tickets.js';
import { refuseHandshake } from './websocket-handshake.js';

export interface RendezvousOptions {
  /** `http://IP:PORT` or `https://IP:PORT`. Default `http://127.0.0.1:0`. */
  listen?: string | undefined;
  keys: SigningKeys;
  /** Of executors that sign their requests instead of showing a token. */
  awsCredentials?: AwsCredentials | undefined;
  /** What executors and harnesses reach this node, or any of its kind, by: `https://…`. Default: where it listens. */
  publicUrl?: string | undefined;
  /** PEM, for https. */
  tls?: { cert: string; key: string } | undefined;
  /** Something in front of it ends TLS: it may listen in clear text where other machines can reach it. */
  behindTlsProxy?: boolean | undefined;
  /** What it shares with other nodes; closed with it. Default: nothing. */
  cluster?: Cluster | undefined;
  /** How long after the start nobody is called unknown: executors of an earlier run may be on their way. Default 45 s. */
  returnGraceMs?: number | undefined;
  /** There was no earlier run: nobody has ever had a token of these keys. */
  isNew?: boolean | undefined;
  log?: RendezvousLog | undefined;
}

/** A registry and a relay: executors register and dial in, harnesses are joined to them. */
export class RendezvousServer implements AsyncDisposable {
  readonly #options: RendezvousOptions;
  readonly #cluster: Cluster;
  readonly #http: Server;
  readonly #api: RegistryApi;
  readonly #book: RecordBook;
  readonly #links: ExecutorLinks;
  readonly #dialled: DialledSockets;
  readonly #allowedHosts: string[];
  /** Who asks, once that is known: for the log. */
  readonly #askers = new WeakMap<IncomingMessage, object>();
  #url = '';
  #closing: Promise<void> | undefined;

  /** Use `createRendezvous`. */
  constructor(options: RendezvousOptions) {
    const { keys, tls, log, publicUrl, awsCredentials = new Map() } = options;
    this.#options = options;
    this.#allowedHosts = publicUrl === undefined ? [] : [new URL(publicUrl).hostname];
    const cluster = options.cluster ?? new MemoryCluster();
    this.#cluster = cluster;
    this.#book = new RecordBook(cluster, log);
    this.#links = new ExecutorLinks(this.#book, log, () => this.#api.waitForReturns());
    const registrar = new Registrar(cluster);
    const onIdentified = (request: IncomingMessage, fields: object) => void this.#askers.set(request, fields);
    const tickets = new Tickets(keys, cluster, () => (publicUrl ?? this.#url).replace(/^http/, 'ws'));
    this.#api = new RegistryApi({
      authentication: { keys, awsCredentials },
      cluster,
      registrar,
      tickets,
      returnGraceMs: options.returnGraceMs ?? RETURN_GRACE_MS,
      isNew: options.isNew ?? false,
      onIdentified,
      log,
    });
    const pairs = new Pairs(log);
    this.#dialled = new DialledSockets({ cluster, tickets, registrar, links: this.#links, pairs, onIdentified, log });
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HTTP_HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      noDelay: true,
    };
    this.#http = tls ? createHttpsServer({ ...limits, ...tls }) : createHttpServer(limits);
    this.#http.on('request', (request, response) => void this.#answer(request, response));
    this.#http.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket as Socket, head));
  }

  /** Where it listens, with the real port. */
  get url(): string {
    return this.#url;
  }

  get nodeId(): string {
    return this.#cluster.nodeId;
  }

  /** Rejects with ListenAddressError, or what the cluster has against it. */
  async listen(): Promise<void> {
    const { listen = 'http://127.0.0.1:0', behindTlsProxy = false, tls, publicUrl } = this.#options;
    const address = parseListenUrl(listen);
    checkListenUrl(address, { behindTlsProxy, hasTls: tls !== undefined, publicUrl });
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', (cause) =>
        reject(new ListenAddressError(`cannot listen on \`${listen}\`: ${cause.message}`, { cause })),
      );
      this.#http.listen({ host: address.host, port: address.port }, resolve);
    });
    this.#url = formatListenUrl(address, (this.#http.address() as AddressInfo).port);
    await this.#cluster.start(this.#links);
  }

  /**
   * No new connections; executors are told to move, and what still runs after `graceMs` is told to come back elsewhere.
   * Idempotent.
   */
  close({ graceMs = DRAIN_GRACE_MS }: { graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ graceMs: 0 });
  }

  async #close(graceMs: number): Promise<void> {
    const reason = 'this rendezvous node is shutting down';
    for (const link of this.#links.all) link.move(reason);
    await this.#dialled.whenEmpty(graceMs);
    this.#dialled.closeAll(reason);
    for (const link of this.#links.all) link.drop();
    await this.#dialled.whenEmpty(2_000);
    this.#book.close();
    await this.#cluster.close();
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answerTo(request);
    sendAnswer(response, answer, request.method !== 'HEAD');
  }

  async #answerTo(request: IncomingMessage): Promise<HttpAnswer> {
    const path = pathOf(request);
    if (path === '/livez' || path === '/readyz') return this.#health(request, path);
    try {
      this.#checkRequest(request);
      return await answerRequest(this.#api, request);
    } catch (error) {
      return errorAnswer(this.#refused(error, request));
    }
  }

  #health({ method }: IncomingMessage, path: '/livez' | '/readyz'): HttpAnswer {
    if (method !== 'GET' && method !== 'HEAD') return textAnswer(405, 'expected GET or HEAD', { allow: 'GET, HEAD' });
    return path === '/readyz' && this.#closing ? textAnswer(503, 'shutting down') : textAnswer(200, 'ok');
  }

  async #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => undefined); // `close` follows
    try {
      this.#checkRequest(request);
      const kind = pathOf(request).replace(/^\/rendezvous\//, '');
      if (!isTicketKind(kind)) throw new RendezvousError('invalid_request', 'there is no WebSocket at this path');
      const ticket = new URL(request.url ?? '', 'http://host').searchParams.get('ticket');
      await this.#dialled.accept(kind, ticket, { request, socket, head });
    } catch (error) {
      refuseHandshake(socket, this.#refused(error, request));
    }
  }

  /** Throws RendezvousError for a request of a browser, or one that comes while this node is about to go. */
  #checkRequest(request: IncomingMessage): void {
    const browser = refuseBrowsers(request, this.#allowedHosts);
    if (browser) throw new RendezvousError('forbidden', browser.reason);
    if (this.#closing) {
      throw new RendezvousError(
        'draining',
        'this rendezvous node is shutting down: try again, and another one will answer',
        {
          retryAfterMs: RETRY_AFTER_MS,
        },
      );
    }
  }

  /** What to tell whoever asked, with a line in the log. The path is logged, and never the query: it is a ticket. */
  #refused(error: unknown, request: IncomingMessage): RendezvousError {
    const refusal =
      error instanceof RendezvousError
        ? error
        : new RendezvousError('internal', 'the rendezvous failed to do what was asked', { cause: error });
    const fields = {
      code: refusal.code,
      ...this.#askers.get(request),
      method: request.method,
      path: pathOf(request),
      peer: request.socket.remoteAddress,
      reason: refusal.message,
      ...(refusal.code === 'internal' && { err: error }),
    };
    this.#options.log?.warn(fields, 'refused');
    return refusal;
  }
}

function isTicketKind(text: string): text is TicketKind {
  return Object.hasOwn(ticketClaims, text);
}

function checkPublicUrl(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : checkBaseUrl(text);
  } catch (error) {
    throw new ListenAddressError(`the public URL: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** Starts a rendezvous; it listens when this resolves. Rejects with ListenAddressError. */
export async function createRendezvous(options: RendezvousOptions): Promise<RendezvousServer> {
  const server = new RendezvousServer({ ...options, publicUrl: checkPublicUrl(options.publicUrl) });
  try {
    await server.listen();
  } catch (error) {
    await server.close({ graceMs: 0 });
    throw error;
  }
  return server;
}
