import type { Client, ClientOptions, Implementation, Transport } from '@modelcontextprotocol/client';
import type { Environment } from '../environment/types.js';
import { VERSION } from '../protocol/version.js';
import { isHttpServer, type McpServerConfig } from './config.js';
import { McpUnavailableError } from './errors.js';
import { EnvironmentLauncher, LocalLauncher } from './launcher.js';
import { DEFAULT_STARTUP_TIMEOUT_MS } from './limits.js';
import type { LoginFile } from './login-file.js';
import { StdioTransport } from './stdio-transport.js';

/** What of an environment it takes to reach a server. */
export type McpPlace = Pick<Environment, 'id' | 'processes' | 'info' | 'http'>;

export interface McpConnectOptions {
  clientInfo?: Implementation | undefined;
  /** Capabilities and more, as the SDK has them. */
  clientOptions?: ClientOptions | undefined;
  /** Called before the connection is made: request handlers for sampling, elicitation and roots are set here. */
  configure?: ((client: Client) => void) | undefined;
  /** A line of a process's stderr. */
  onStderr?: ((line: string) => void) | undefined;
  /** Of the user, to servers that are reached by HTTP. Default: those of `exec-server mcp login`. */
  logins?: LoginFile | undefined;
  /** Gives the attempt up. */
  signal?: AbortSignal | undefined;
}

export interface OpenTransportOptions extends Pick<McpConnectOptions, 'onStderr' | 'logins'> {
  /** Asked for every message: more is taken from the server when it resolves. Default: at once. */
  whenReady?: (() => Promise<void> | undefined) | undefined;
}

const CLIENT_INFO: Implementation = { name: 'exec-server', version: VERSION };

/** A transport for any client of the official SDK. The server is started, or dialled, when it connects. */
export async function openTransport(
  server: McpServerConfig,
  place: McpPlace,
  options: OpenTransportOptions = {},
): Promise<Transport> {
  if (isHttpServer(server)) {
    const { openHttpTransport } = await import('./http-transport.js');
    return openHttpTransport(server, place, options);
  }
  const launcher = place.id === 'local' ? new LocalLauncher(place) : new EnvironmentLauncher(place);
  return new StdioTransport(launcher, server, options);
}

/**
 * A connected client. Rejects with McpUnavailableError when the server has not answered `initialize` at its start-up
 * deadline, else with what went wrong; then nothing of the server is left.
 */
export async function connectServer(
  server: McpServerConfig,
  place: McpPlace,
  options: McpConnectOptions = {},
): Promise<Client> {
  const { clientInfo = CLIENT_INFO, clientOptions, configure, signal } = options;
  const { Client } = await import('@modelcontextprotocol/client');
  const transport = await openTransport(server, place, options);
  const client = new Client(clientInfo, clientOptions);
  configure?.(client);
  try {
    await beforeDeadline(server, client.connect(transport, { timeout: deadlineOf(server) }), signal);
    return client;
  } catch (error) {
    await transport.close();
    throw ('reason' in transport && transport.reason) || error;
  }
}

function deadlineOf({ startup_timeout_sec }: McpServerConfig): number {
  return startup_timeout_sec === undefined ? DEFAULT_STARTUP_TIMEOUT_MS : startup_timeout_sec * 1000;
}

async function beforeDeadline(
  server: McpServerConfig,
  connecting: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const timeoutMs = deadlineOf(server);
  let giveUp: () => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    const why = `it did not answer \`initialize\` within ${timeoutMs / 1000} s; raise \`startup_timeout_sec\` if it is slow`;
    timer = setTimeout(() => reject(new McpUnavailableError(server.name, why, { retryable: true })), timeoutMs);
    giveUp = () => reject(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    if (signal?.aborted) giveUp();
  });
  try {
    await Promise.race([connecting, deadline]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    connecting.catch(() => undefined); // given up: whoever waited has been told
  }
}
