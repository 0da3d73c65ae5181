import type { Transport } from '@modelcontextprotocol/client';
import type { Environment } from '../environment/types.js';
import { createFetch } from '../http/fetch.js';
import type { HttpRequestHeader } from '../http/types.js';
import type { HttpMcpServer } from './config.js';
import { McpConfigError } from './errors.js';
import { STREAM_RECONNECTION } from './limits.js';
import { RenewingTransport } from './renewing-transport.js';
import { withServerHeaders } from './server-headers.js';

/** What of an environment it takes to reach a server from there. */
export type HttpPlace = Pick<Environment, 'id' | 'info' | 'http'>;

/**
 * The SDK's own Streamable HTTP transport, with requests that start where `http` makes them, and an expired session
 * renewed behind the client's back. Rejects with McpConfigError for variables that the environment cannot put into headers.
 */
export async function openHttpTransport(server: HttpMcpServer, place: HttpPlace): Promise<Transport> {
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const headers = headersOf(server);
  if (headers.some(({ valueEnvVar }) => valueEnvVar !== undefined)) await requireVariables(server, place);
  const url = new URL(server.url);
  const fetch = createFetch(withServerHeaders(place.http, url, headers));
  return new RenewingTransport((reconnectionScheduler) => {
    const reconnectionOptions = { ...STREAM_RECONNECTION };
    return new StreamableHTTPClientTransport(url, { fetch, reconnectionOptions, reconnectionScheduler });
  }, server.name);
}

function headersOf({ http_headers = {}, env_http_headers = {}, bearer_token_env_var }: HttpMcpServer) {
  const headers: HttpRequestHeader[] = [
    ...Object.entries(http_headers).map(([name, value]) => ({ name, value })),
    ...Object.entries(env_http_headers).map(([name, valueEnvVar]) => ({ name, value: '', valueEnvVar })),
  ];
  if (bearer_token_env_var !== undefined) {
    headers.push({ name: 'authorization', value: 'Bearer ', valueEnvVar: bearer_token_env_var });
  }
  return headers;
}

/** A server that does not know them would leave them out, and the request would go without its token. */
async function requireVariables({ name }: HttpMcpServer, place: HttpPlace): Promise<void> {
  if (place.id === 'local') return;
  if ((await place.info()).capabilities?.httpHeaderEnvVars === true) return;
  const problem = 'its environment cannot fill headers from variables: give the values in `http_headers`';
  throw new McpConfigError(`MCP server \`${name}\``, problem);
}
