import { inspect } from 'node:util';
import type { ConnectTarget } from '../client/dial.js';
import { createFetch, type Fetch } from '../http/fetch.js';
import type { EnvironmentInfo } from '../protocol/session-methods.js';
import { readToken } from '../registry/harness-token.js';
import { check } from './check.js';
import { DeferredFiles } from './deferred-files.js';
import { DeferredHttp } from './deferred-http.js';
import { DeferredProcesses } from './deferred-processes.js';
import { DeferredTcp } from './deferred-tcp.js';
import { LazyClient } from './lazy-client.js';
import { type EnvironmentSpec, environmentSpec, isRegistrySpec, isUrlSpec } from './spec.js';
import type { Environment, EnvironmentStatus, EnvironmentStatusListener } from './types.js';

/**
 * An environment behind an exec-server. The first operation connects; a connection that is cut is re-established behind
 * its back. When the session is lost, its processes end with `failed`, and the next operation opens a new one.
 */
export class RemoteEnvironment implements Environment {
  readonly id: string;
  readonly description: string;
  readonly processes: DeferredProcesses;
  readonly files: DeferredFiles;
  readonly http: DeferredHttp;
  readonly fetch: Fetch;
  readonly tcp: DeferredTcp;
  readonly #client: LazyClient;

  /** Throws EnvironmentConfigError. */
  constructor(specification: EnvironmentSpec, { clientName }: { clientName?: string | undefined } = {}) {
    const spec = check(environmentSpec, specification, 'environment specification');
    this.id = spec.id;
    this.description = describe(spec);
    const client = new LazyClient(spec.id, async (signal) => {
      // Whoever only works on this machine never loads the WebSocket library and its native parts.
      const { ExecServerClient } = await import('../client/exec-server-client.js');
      const { initializeTimeoutMs } = spec;
      const connectTimeoutMs = 'connectTimeoutMs' in spec ? spec.connectTimeoutMs : undefined;
      return ExecServerClient.connect(targetOf(spec), { clientName, connectTimeoutMs, initializeTimeoutMs, signal });
    });
    this.#client = client;
    this.processes = new DeferredProcesses(
      (operation) => client.use(({ processes }) => operation(processes)),
      async () => (await client.current())?.processes.close(),
    );
    this.files = new DeferredFiles((operation) => client.use(({ files }) => operation(files)));
    this.http = new DeferredHttp(
      (operation) => client.use(({ http }) => operation(http)),
      async () => (await client.current())?.http.cancelAll(),
    );
    this.fetch = createFetch(this.http);
    this.tcp = new DeferredTcp(
      (operation) => client.use(({ tcp }) => operation(tcp)),
      async () => (await client.current())?.tcp.close(),
    );
  }

  info(): Promise<EnvironmentInfo> {
    return this.processes.environmentInfo();
  }

  status(): EnvironmentStatus {
    return this.#client.status();
  }

  onStatusChange(listener: EnvironmentStatusListener): () => void {
    return this.#client.onStatusChange(listener);
  }

  /** A server that cannot be reached now ends the processes with the session, in its time. */
  close(): Promise<void> {
    return this.#client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  toJSON(): Pick<Environment, 'id' | 'description'> & EnvironmentStatus {
    return { id: this.id, description: this.description, ...this.status() };
  }

  [inspect.custom](): string {
    return `RemoteEnvironment ${inspect(this.toJSON())}`;
  }
}

function targetOf(spec: EnvironmentSpec): ConnectTarget {
  if (isUrlSpec(spec)) return { url: spec.url, bearerToken: spec.authBearerToken };
  if (isRegistrySpec(spec)) {
    const { registry, environmentId = spec.id } = spec;
    return { registry, environmentId, bearerToken: () => readToken(spec) };
  }
  const { program, args, env, cwd } = spec;
  return { program, args, cwd, env: env && { ...(process.env as Record<string, string>), ...env } };
}

/** Without what may be secret: user info and query of a URL, arguments and environment of a program. */
function describe(spec: EnvironmentSpec): string {
  if (isRegistrySpec(spec)) return `${spec.environmentId ?? spec.id} at ${spec.registry}`;
  if (!isUrlSpec(spec)) return `program ${spec.program}`;
  if (spec.url.startsWith('unix:')) return spec.url;
  const { protocol, host, pathname } = new URL(spec.url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}
