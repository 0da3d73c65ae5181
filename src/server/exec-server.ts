import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FileSystem } from '../files/types.js';
import type { HttpClient } from '../http/types.js';
import type { ExecBackend } from '../process/types.js';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import { type Channel, CloseCode, type CloseInfo } from '../rpc/channel.js';
import type { TcpConnector } from '../tcp/types.js';
import { refuseBrowsers, requireLoopback } from '../transport/host-policy.js';
import type { ListenAddress } from '../transport/listen-address.js';
import { openOwnStdio } from '../transport/stdio.js';
import type { WebSocketListener, WebSocketListenOptions } from '../transport/websocket-listen.js';
import { Connection } from './connection.js';
import { capabilityHandlers } from './handlers/capabilities.js';
import { environmentHandlers } from './handlers/environment.js';
import { environmentConfigHandlers } from './handlers/environment-config.js';
import { watchMissingHandlers } from './handlers/file-watch-missing.js';
import { fileHandlers } from './handlers/files.js';
import { httpHandlers } from './handlers/http.js';
import { processHandlers } from './handlers/process.js';
import { tcpHandlers } from './handlers/tcp.js';
import type { Handlers, ServerServices } from './handlers.js';
import {
  CLOSE_TIMEOUT_MS,
  MAX_MESSAGE_BYTES_BEFORE_INITIALIZE,
  PROCESS_RETENTION_MS,
  SESSION_TTL_MS,
} from './limits.js';
import { SessionRegistry } from './session-registry.js';

/** What a server reports of itself; a logger of pino fits. Never given secrets, environments or output. */
export interface ServerLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ExecServerOptions {
  /** The capabilities that it puts on the wire. */
  processes: ExecBackend;
  files?: FileSystem | undefined;
  http?: HttpClient | undefined;
  tcp?: TcpConnector | undefined;
  /** How long a session outlives its connection. */
  sessionTtlMs?: number | undefined;
  /** How long a closed process can be read. */
  processRetentionMs?: number | undefined;
  initializeTimeoutMs?: number | undefined;
  /** Names besides IP literals and localhost that a `Host` header may carry. */
  allowedHosts?: readonly string[] | undefined;
  /** Listen on addresses that other machines can reach although nobody has to show who they are. */
  insecureNoAuth?: boolean | undefined;
  keepAlive?: WebSocketListenOptions['keepAlive'];
  log?: ServerLog | undefined;
}

/** What is special about one connection. */
export interface ServeOptions {
  /** There may be no client at the other end yet, as behind a relay: it may introduce itself whenever it comes. */
  waitsForClient?: boolean | undefined;
  /** A client has introduced itself. */
  onInitialized?(): void;
}

/** Puts the capabilities it is given on the wire, for any number of connections over any number of listeners. */
export class ExecServer {
  readonly #options: ExecServerOptions;
  readonly #services: ServerServices;
  readonly #handlers: Handlers;
  readonly #connections = new Set<Connection>();
  readonly #listeners: WebSocketListener[] = [];
  /** Raises the message limit of a connection once it has introduced itself. */
  readonly #onInitialized = new WeakMap<Channel, () => void>();
  #closing: Promise<void> | undefined;

  constructor(options: ExecServerOptions) {
    this.#options = options;
    this.#handlers = {
      ...processHandlers,
      ...environmentHandlers,
      ...(options.files ? handlersOfFiles(options.files) : {}),
      ...(options.http ? httpHandlers(options.http) : {}),
      ...(options.tcp ? tcpHandlers(options.tcp) : {}),
    };
    this.#services = {
      processes: options.processes,
      files: options.files,
      http: options.http,
      tcp: options.tcp,
      sessions: new SessionRegistry({
        backend: options.processes,
        sessionTtlMs: options.sessionTtlMs ?? SESSION_TTL_MS,
        processRetentionMs: options.processRetentionMs ?? PROCESS_RETENTION_MS,
      }),
      initializeTimeoutMs: options.initializeTimeoutMs,
      onInitialized: (connection) => this.#onInitialized.get(connection.channel)?.(),
      onConnectionClosed: (connection, info) => this.#disconnected(connection, info),
    };
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get sessionCount(): number {
    return this.#services.sessions.size;
  }

  /** Accepts connections at an address; resolves with its URL, the real port in it. Throws ListenAddressError. */
  async listen(address: Exclude<ListenAddress, { kind: 'stdio' }>): Promise<string> {
    requireLoopback(address, this.#options.insecureNoAuth ?? false);
    // Loaded when it is needed: the library is a fifth of what starting costs, and stdio does without.
    const { listenWebSocket } = await import('../transport/websocket-listen.js');
    const listener = await listenWebSocket({
      address,
      refuse: (request) =>
        address.kind === 'unix' ? undefined : refuseBrowsers(request, this.#options.allowedHosts ?? []),
      onRequest: (request, response) => this.#answerHttp(request, response),
      onChannel: (channel, { setMaxMessageBytes }) => {
        setMaxMessageBytes(MAX_MESSAGE_BYTES_BEFORE_INITIALIZE);
        this.#onInitialized.set(channel, () => setMaxMessageBytes(MAX_MESSAGE_BYTES));
        this.serve(channel);
      },
      keepAlive: this.#options.keepAlive,
    });
    this.#listeners.push(listener);
    return listener.url;
  }

  /** Serves the client at the other end of our stdin and stdout. Resolves when it has gone. */
  serveStdio(): Promise<void> {
    return new Promise((resolve) => this.serve(openOwnStdio(), () => resolve()));
  }

  /** Serves the client at the other end of a channel. */
  serve(channel: Channel, onEnd?: (info: CloseInfo) => void, options: ServeOptions = {}): void {
    if (this.#closing) {
      channel.close(CloseCode.goingAway, 'the server is shutting down');
      onEnd?.({ code: CloseCode.goingAway, reason: 'the server is shutting down' });
      return;
    }
    this.#log?.debug({ peer: channel.description }, 'connected');
    const { onInitialized, onConnectionClosed } = this.#services;
    const services: ServerServices = {
      ...this.#services,
      waitsForClient: options.waitsForClient,
      onInitialized: (connection) => {
        onInitialized?.(connection);
        options.onInitialized?.();
      },
      onConnectionClosed: (ended, info) => {
        onConnectionClosed(ended, info);
        onEnd?.(info);
      },
    };
    this.#connections.add(new Connection(channel, services, this.#handlers));
  }

  /** No new work; ends all processes, delivering what they still say; then the connections. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    // Processes of another machine may be out of reach; our own end must neither wait for that nor fail because of it.
    const unreachable = (reason: unknown) =>
      this.#log?.warn({ reason: String(reason) }, 'not all processes could be ended');
    const ended = this.#options.processes
      .close()
      .catch(unreachable)
      .then(() => this.#services.sessions.close())
      .catch(unreachable);
    if (!(await settledWithin(ended, CLOSE_TIMEOUT_MS))) unreachable('no answer in time');
    for (const { channel } of this.#connections) channel.close(CloseCode.goingAway, 'the server is shutting down');
  }

  get #log(): ServerLog | undefined {
    return this.#options.log;
  }

  #disconnected(connection: Connection, info: CloseInfo): void {
    this.#connections.delete(connection);
    this.#log?.debug({ peer: connection.channel.description, code: info.code, reason: info.reason }, 'disconnected');
  }

  #answerHttp(request: IncomingMessage, response: ServerResponse): void {
    const { status, body, headers = {} } = this.#health(request);
    response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body), ...headers });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #health(request: IncomingMessage): { status: number; body: string; headers?: Record<string, string> } {
    switch (request.url) {
      case '/livez':
      case '/readyz': {
        if (request.method !== 'GET' && request.method !== 'HEAD')
          return { status: 405, body: '', headers: { allow: 'GET,HEAD' } };
        const draining = request.url === '/readyz' && this.#closing !== undefined;
        return draining ? { status: 503, body: 'shutting down\n' } : { status: 200, body: '' };
      }
      case '/':
        return { status: 400, body: 'this is a WebSocket endpoint: expected an Upgrade to websocket\n' };
      default:
        return { status: 404, body: 'nothing here\n' };
    }
  }
}

/** What is served where there are files. */
function handlersOfFiles(files: FileSystem): Handlers {
  return {
    ...fileHandlers(files),
    ...watchMissingHandlers(files),
    ...environmentConfigHandlers(files),
    ...capabilityHandlers(files),
  };
}

/** Has it been done in time? */
async function settledWithin(promise: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
