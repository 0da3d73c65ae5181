import { randomBytes } from 'node:crypto';
import { isAbsolute, resolve } from 'node:path';
import type { Environment } from '../environment/types.js';
import { type ExecProcess, processId } from '../process/types.js';
import { parsePath } from '../protocol/paths.js';
import { childVariables } from './child-variables.js';
import type { StdioMcpServer } from './config.js';
import { McpConfigError } from './errors.js';

/** Starts MCP servers as processes, with pipes for stdin, stdout and stderr. */
export interface McpLauncher {
  /** Rejects with McpConfigError for what can never run there, else as `ExecBackend.start` does. */
  launch(server: StdioMcpServer): Promise<ExecProcess>;
}

/** What of an environment it takes to start a server there. */
export type LaunchPlace = Pick<Environment, 'processes' | 'info'>;

/** Servers as processes of an environment's exec backend. What they inherit is the executor's, never the client's. */
export class EnvironmentLauncher implements McpLauncher {
  readonly #place: LaunchPlace;

  constructor(place: LaunchPlace) {
    this.#place = place;
  }

  async launch(server: StdioMcpServer): Promise<ExecProcess> {
    return start(this.#place, server, server.cwd ?? (await this.#directory(server.name)));
  }

  async #directory(name: string): Promise<string> {
    const { cwd } = await this.#place.info();
    if (typeof cwd === 'string') return parsePath(cwd);
    throw new McpConfigError(
      `MCP server \`${name}\``,
      '`cwd`: is required, the environment has no directory of its own',
    );
  }
}

/** Servers as child processes of ours. A relative `cwd` counts from our own directory, which is also the default. */
export class LocalLauncher implements McpLauncher {
  readonly #place: LaunchPlace;

  /** `place`: the local environment, which ends the processes when it is closed. */
  constructor(place: LaunchPlace) {
    this.#place = place;
  }

  async launch(server: StdioMcpServer): Promise<ExecProcess> {
    return start(this.#place, server, resolve(server.cwd ?? '.'));
  }
}

async function start({ processes }: LaunchPlace, server: StdioMcpServer, cwd: string): Promise<ExecProcess> {
  if (!isAbsolute(cwd) && !/^[A-Za-z]:[\\/]/.test(cwd)) {
    throw new McpConfigError(`MCP server \`${server.name}\``, '`cwd`: expected an absolute path of its environment');
  }
  return processes.start({
    processId: processId(`mcp-${server.name}-${randomBytes(4).toString('hex')}`),
    argv: [server.command, ...(server.args ?? [])],
    cwd,
    ...childVariables(server, process.env),
    tty: false,
    pipeStdin: true,
  });
}
