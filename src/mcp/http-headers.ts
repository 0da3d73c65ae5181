import type { HttpRequestHeader } from '../http/types.js';
import type { HttpMcpServer } from './config.js';

/** The headers that a server's configuration asks for. */
export function headersOf({
  http_headers = {},
  env_http_headers = {},
  bearer_token_env_var,
}: HttpMcpServer): HttpRequestHeader[] {
  const headers: HttpRequestHeader[] = [
    ...Object.entries(http_headers).map(([name, value]) => ({ name, value })),
    ...Object.entries(env_http_headers).map(([name, valueEnvVar]) => ({ name, value: '', valueEnvVar })),
  ];
  if (bearer_token_env_var !== undefined) {
    headers.push({ name: 'authorization', value: 'Bearer ', valueEnvVar: bearer_token_env_var });
  }
  return headers;
}
