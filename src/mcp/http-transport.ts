import type { Transport } from '@modelcontextprotocol/client';
import type { Environment } from '../environment/types.js';
import { createFetch } from '../http/fetch.js';
import type { HttpMcpServer } from './config.js';
import { McpConfigError } from './errors.js';
import { headersOf } from './http-headers.js';
import { LoginFile, loginKey } from './login-file.js';
import { pacedFetch } from './paced-fetch.js';
import { RenewingTransport } from './renewing-transport.js';
import { withServerHeaders } from './server-headers.js';
import { TokenSource } from './token-source.js';

/** What of an environment it takes to reach a server from there. */
export type HttpPlace = Pick<Environment, 'id' | 'info' | 'http'>;

export interface HttpTransportOptions {
  logins?: LoginFile | undefined;
  whenReady?: (() => Promise<void> | undefined) | undefined;
}

/**
 * The SDK's own Streamable HTTP transport, with requests that start where `http` makes them, and an expired session
 * renewed behind the client's back. Rejects with McpConfigError for variables that the environment cannot put into headers.
 */
export async function openHttpTransport(
  server: HttpMcpServer,
  place: HttpPlace,
  { logins = new LoginFile(), whenReady }: HttpTransportOptions = {},
): Promise<Transport> {
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const headers = headersOf(server);
  if (headers.some(({ valueEnvVar }) => valueEnvVar !== undefined)) await requireVariables(server, place);
  const url = new URL(server.url);
  const direct = createFetch(withServerHeaders(place.http, url, headers));
  const plain = whenReady ? pacedFetch(direct, whenReady) : direct;
  // Who brings a token of their own wants no login.
  const hasToken = headers.some(({ name }) => name.toLowerCase() === 'authorization');
  const authProvider = hasToken ? undefined : new TokenSource(logins, loginKey(server.url, place.id), server);
  const fetch = authProvider?.watching(plain) ?? plain;
  const options = { fetch, ...(authProvider && { authProvider }) };
  return new RenewingTransport(
    (reconnectionOptions) => new StreamableHTTPClientTransport(url, { ...options, reconnectionOptions }),
    server.name,
  );
}

/** A server that does not know them would leave them out, and the request would go without its token. */
async function requireVariables({ name }: HttpMcpServer, place: HttpPlace): Promise<void> {
  if (place.id === 'local') return;
  if ((await place.info()).capabilities?.httpHeaderEnvVars === true) return;
  const problem = 'its environment cannot fill headers from variables: give the values in `http_headers`';
  throw new McpConfigError(`MCP server \`${name}\``, problem);
}
