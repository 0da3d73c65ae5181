import { inspect } from 'node:util';
import type { FileSystem } from '../files/types.js';
import type { ExecBackend } from '../process/types.js';
import type { EnvironmentInfo } from '../protocol/session-methods.js';
import { DeferredFiles } from './deferred-files.js';
import { DeferredProcesses } from './deferred-processes.js';
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
  readonly #news = new StatusNews(READY);
  #backend: Promise<ExecBackend> | undefined;
  #fileSystem: Promise<FileSystem> | undefined;
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
    this.#closing ??= this.#endProcesses();
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
