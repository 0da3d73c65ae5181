import { inspect } from 'node:util';
import type { FileSystem } from '../files/types.js';
import { createFetch, type Fetch } from '../http/fetch.js';
import type { HttpClient } from '../http/types.js';
import type { ExecBackend } from '../process/types.js';
import type { EnvironmentInfo } from '../protocol/session-methods.js';
import type { TcpConnector } from '../tcp/types.js';
import { DeferredFiles } from './deferred-files.js';
import { DeferredHttp } from './deferred-http.js';
import { DeferredProcesses } from './deferred-processes.js';
import { DeferredTcp } from './deferred-tcp.js';
import { EnvironmentClosedError } from './errors.js';
import { LOCAL_ENVIRONMENT_ID } from './spec.js';
import { StatusNews } from './status-news.js';
import type { Environment, EnvironmentStatus, EnvironmentStatusListener } from './types.js';

const READY: EnvironmentStatus = { status: 'ready' };
const CLOSED: EnvironmentStatus = { status: 'disconnected', reason: 'closed' };

/** This machine, with the rights of this process. What starts processes and its native parts are loaded on first use. */
export class LocalEnvironment implements Environment {
  readonly id = LOCAL_ENVIRONMENT_ID;
  readonly description = 'this machine';
  readonly processes: DeferredProcesses;
  readonly files: DeferredFiles;
  readonly http: DeferredHttp;
  readonly fetch: Fetch;
  readonly tcp: DeferredTcp;
  readonly #news = new StatusNews(READY);
  #backend: Promise<ExecBackend> | undefined;
  #fileSystem: Promise<FileSystem> | undefined;
  #httpClient: Promise<HttpClient> | undefined;
  #tcpConnector: Promise<TcpConnector> | undefined;
  #closing: Promise<void> | undefined;

  constructor() {
    this.processes = new DeferredProcesses(
      async (operation) => {
        this.#refuseIfClosed();
        this.#backend ??= loadBackend();
        return operation(await this.#backend);
      },
      () => this.#endProcesses(),
    );
    this.files = new DeferredFiles(async (operation) => {
      this.#refuseIfClosed();
      this.#fileSystem ??= loadFileSystem();
      return operation(await this.#fileSystem);
    });
    this.http = new DeferredHttp(
      async (operation) => {
        this.#refuseIfClosed();
        this.#httpClient ??= loadHttpClient();
        return operation(await this.#httpClient);
      },
      () => this.#endRequests(),
    );
    this.fetch = createFetch(this.http);
    this.tcp = new DeferredTcp(
      async (operation) => {
        this.#refuseIfClosed();
        this.#tcpConnector ??= loadTcpConnector();
        return operation(await this.#tcpConnector);
      },
      () => this.#endStreams(),
    );
  }

  info(): Promise<EnvironmentInfo> {
    return this.processes.environmentInfo();
  }

  status(): EnvironmentStatus {
    return this.#closing ? CLOSED : READY;
  }

  onStatusChange(listener: EnvironmentStatusListener): () => void {
    return this.#news.subscribe(listener);
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#endProcesses(), this.#endRequests(), this.#endStreams()]).then(
      () => undefined,
    );
    this.#news.announce(CLOSED);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  toJSON(): Pick<Environment, 'id' | 'description'> & EnvironmentStatus {
    return { id: this.id, description: this.description, ...this.status() };
  }

  [inspect.custom](): string {
    return `LocalEnvironment ${inspect(this.toJSON())}`;
  }

  /** A backend that has been closed starts nothing more: the next process gets a new one. */
  async #endProcesses(): Promise<void> {
    const backend = this.#backend;
    this.#backend = undefined;
    await (await backend)?.close();
  }

  async #endRequests(): Promise<void> {
    const httpClient = this.#httpClient;
    this.#httpClient = undefined;
    await (await httpClient)?.close();
  }

  async #endStreams(): Promise<void> {
    await (await this.#tcpConnector)?.close();
  }

  #refuseIfClosed(): void {
    if (this.#closing) throw new EnvironmentClosedError(`environment \`${this.id}\``);
  }
}

async function loadBackend(): Promise<ExecBackend> {
  const { LocalBackend } = await import('../process/local/local-backend.js');
  return new LocalBackend();
}

async function loadFileSystem(): Promise<FileSystem> {
  const { LocalFileSystem } = await import('../files/local/local-file-system.js');
  return new LocalFileSystem();
}

async function loadHttpClient(): Promise<HttpClient> {
  const { LocalHttpClient } = await import('../http/local/local-http-client.js');
  return new LocalHttpClient();
}

async function loadTcpConnector(): Promise<TcpConnector> {
  const { LocalTcpConnector } = await import('../tcp/local/local-tcp-connector.js');
  return new LocalTcpConnector();
}
