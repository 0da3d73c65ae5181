import type { CallToolResult, Client, RequestOptions, Tool } from '@modelcontextprotocol/client';
import { checkServer, type McpServerConfig } from './config.js';
import type { McpConnectOptions, McpPlace } from './connect.js';
import { McpConfigError, UnknownToolError } from './errors.js';
import { ManagedServer, type McpServerState } from './managed-server.js';
import { type QualifiedTool, qualify } from './tool-names.js';

/** What knows the environments by their ids, such as an EnvironmentManager. */
export interface McpPlaces {
  /** Throws for an id that it does not know. */
  get(id: string): McpPlace;
}

export interface McpManagerOptions extends Pick<McpConnectOptions, 'clientInfo' | 'clientOptions' | 'logins'> {
  environments: McpPlaces;
  /** Called for every client before it connects, again after a restart: request handlers are set here. */
  configure?: ((client: Client, server: string) => void) | undefined;
  onStderr?: ((line: string, server: string) => void) | undefined;
  /** The state of a server, or its tools, have changed. */
  onChange?: ((server: string) => void) | undefined;
  /** What to wait before a restart; `attempt` counts from 1 in a row. Default 0.5 s, doubling up to 30 s. */
  restartDelayMs?: ((attempt: number) => number) | undefined;
}

/** A server with how it stands. */
export type McpServerStatus = { name: string; environment: string } & McpServerState;

/** MCP servers by their names, each in its environment. Started side by side; one that fails is no matter to the others. */
export class McpManager implements AsyncDisposable {
  readonly #servers: ReadonlyMap<string, ManagedServer>;
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** Starts nothing yet. Throws McpConfigError. */
  constructor(servers: readonly McpServerConfig[], options: McpManagerOptions) {
    const checked = servers.map(checkServer);
    const names = checked.map(({ name }) => name);
    const twice = names.find((name, n) => names.indexOf(name) !== n);
    if (twice !== undefined) throw new McpConfigError(`MCP server \`${twice}\``, 'there are two of this name');
    this.#servers = new Map(checked.map((server) => [server.name, manage(server, options)]));
  }

  /** Resolves when each is ready or has failed, which `servers` tells. Never rejects. */
  start(): Promise<void> {
    this.#starting ??= Promise.all([...this.#servers.values()].map((server) => server.start())).then(() => undefined);
    return this.#starting;
  }

  servers(): McpServerStatus[] {
    return [...this.#servers.values()].map(({ config, state }) => ({
      name: config.name,
      environment: config.environment ?? 'local',
      ...state,
    }));
  }

  /** The tools of those that are ready. */
  tools(): QualifiedTool<Tool>[] {
    return qualify(
      this.servers().map((server) => ({ name: server.name, tools: server.state === 'ready' ? server.tools : [] })),
    );
  }

  /** The client of a server that is ready; a restart makes a new one. Throws McpUnavailableError, McpConfigError. */
  client(name: string): Client {
    const server = this.#servers.get(name);
    if (!server) throw new McpConfigError(`MCP server \`${name}\``, 'there is none of this name');
    return server.client;
  }

  /** Calls a tool by its qualified name. Rejects with UnknownToolError, McpUnavailableError, or as the SDK's client does. */
  async callTool(
    { name, arguments: args = {} }: { name: string; arguments?: Record<string, unknown> | undefined },
    options?: RequestOptions,
  ): Promise<CallToolResult> {
    const found = this.tools().find((tool) => tool.name === name);
    if (!found) throw new UnknownToolError(name);
    return this.client(found.server).callTool({ name: found.tool.name, arguments: args }, options);
  }

  /** Ends every server, those that are just starting too. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#servers.values()].map((server) => server.close())).then(() => undefined);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function manage(server: McpServerConfig, options: McpManagerOptions): ManagedServer {
  const { environments, configure, onStderr, onChange, clientInfo, clientOptions, logins, restartDelayMs } = options;
  const { name, environment = 'local' } = server;
  return new ManagedServer(server, () => environments.get(environment), {
    clientInfo,
    clientOptions,
    logins,
    restartDelayMs,
    configure: configure && ((client) => configure(client, name)),
    onStderr: onStderr && ((line) => onStderr(line, name)),
    onChange: () => onChange?.(name),
  });
}
