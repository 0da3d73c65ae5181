import { z } from 'zod';
import { McpConfigError } from './errors.js';

/** A name is taken from the client's side; `source: "remote"` reads it on the executor. */
export type McpVariable = string | { name: string; source?: 'local' | 'remote' | undefined };

interface AnyMcpServer {
  /** Part of the names of its tools: ASCII letters, digits, `-` and `_`. */
  name: string;
  /** The id of the environment where it runs, or from which it is reached. Default `local`. */
  environment?: string | undefined;
  /** Until it has answered `initialize`. Default 30 s. */
  startup_timeout_sec?: number | undefined;
}

/** A server that is started as a process. The keys are those of agents' own configuration files. */
export interface StdioMcpServer extends AnyMcpServer {
  /** A path, or a name that is looked up in the PATH of its environment. */
  command: string;
  args?: readonly string[] | undefined;
  /** Laid over what it inherits from its environment: PATH, HOME and what else a program cannot do without. */
  env?: Readonly<Record<string, string>> | undefined;
  env_vars?: readonly McpVariable[] | undefined;
  /** Absolute, unless the environment is local. Default: that of the environment. */
  cwd?: string | undefined;
}

/** A server that is reached by Streamable HTTP. */
export interface HttpMcpServer extends AnyMcpServer {
  url: string;
  /** A variable of the environment's side that holds the bearer token. */
  bearer_token_env_var?: string | undefined;
  http_headers?: Readonly<Record<string, string>> | undefined;
  /** Header names, and the variables of the environment's side that hold their values. */
  env_http_headers?: Readonly<Record<string, string>> | undefined;
  /** What a login asks for. Default: what the server says it takes. */
  scopes?: readonly string[] | undefined;
  /** For authorisation servers that register nobody by themselves: the client that was registered with them by hand. */
  oauth?: { client_id: string } | undefined;
}

/** How to get to an MCP server. Plain data. */
export type McpServerConfig = StdioMcpServer | HttpMcpServer;

export function isHttpServer(server: McpServerConfig): server is HttpMcpServer {
  return 'url' in server && server.url !== undefined;
}

const VARIABLE = 'the name of an environment variable: letters, digits and `_`';
const variableName = z.string(expected(VARIABLE)).regex(/^[A-Za-z_][A-Za-z0-9_]*$/, expected(VARIABLE));
// Node's own errors about NUL bytes quote the value, which may be a secret.
const text = z.string(expected('a string')).regex(/^[^\0]*$/, expected('a string without NUL bytes'));
const HEADER = 'names of HTTP headers';
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
const SCOPE = 'a scope: no spaces, quotes or backslashes';
const scope = z.string(expected(SCOPE)).regex(/^[!#-[\]-~]+$/, expected(SCOPE));
const NAME = 'ASCII letters, digits, `-` or `_`';
const SECONDS = 'a number of seconds above 0, at most 86400';

const serverConfig = z
  .strictObject({
    name: z.string(expected(NAME)).regex(/^[A-Za-z0-9_-]+$/, expected(NAME)),
    environment: text.optional(),
    startup_timeout_sec: z
      .number(expected(SECONDS))
      .positive(expected(SECONDS))
      .max(86_400, expected(SECONDS))
      .optional(),
    command: text.min(1, expected('the name or path of a program')).optional(),
    args: z.array(text, expected('an array of strings')).optional(),
    env: z.record(variableName, text, expected('a table of strings')).optional(),
    env_vars: z
      .array(
        z.union(
          [variableName, z.strictObject({ name: variableName, source: z.enum(['local', 'remote']).optional() })],
          {
            error: 'expected a name, or {name, source: "local" | "remote"}',
          },
        ),
        expected('an array'),
      )
      .optional(),
    cwd: text.min(1, expected('the path of a directory')).optional(),
    url: z.string(expected('an http or https URL')).refine(isHttpUrl, expected('an http or https URL')).optional(),
    bearer_token_env_var: variableName.optional(),
    http_headers: z.record(headerName, text, expected(`a table of ${HEADER} and their values`)).optional(),
    env_http_headers: z.record(headerName, variableName, expected(`a table of ${HEADER} and variables`)).optional(),
    scopes: z.array(scope, expected('an array of scopes')).optional(),
    oauth: z.strictObject({ client_id: text.min(1, expected('the id of a client')) }).optional(),
  })
  .superRefine((server, context) => {
    const has = (key: string) => (server as Record<string, unknown>)[key] !== undefined;
    const refuse = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    if (has('command') && has('url')) refuse('url', 'expected either `command` or `url`, not both');
    if (!has('command') && !has('url')) refuse('command', 'expected a `command` or a `url`, both are missing');
    for (const key of ['args', 'env', 'env_vars', 'cwd'].filter(has)) {
      if (!has('command')) refuse(key, 'goes with `command` only');
    }
    for (const key of ['bearer_token_env_var', 'http_headers', 'env_http_headers', 'scopes', 'oauth'].filter(has)) {
      if (!has('url')) refuse(key, 'goes with `url` only');
    }
  });

/** The configuration, checked. Throws McpConfigError about the first problem. */
export function checkServer(server: unknown): McpServerConfig {
  const result = serverConfig.safeParse(server);
  // That it is one of the two has just been checked.
  if (result.success) return result.data as McpServerConfig;
  const name = (server as { name?: unknown } | null)?.name;
  const where = typeof name === 'string' ? `MCP server \`${name}\`` : 'MCP server';
  const [issue] = result.error.issues;
  // The issue is not kept as a cause: nobody promises that it holds no value.
  if (!issue) throw new McpConfigError(where, 'is not valid');
  if (issue.code === 'unrecognized_keys') throw new McpConfigError(where, `there is no key \`${issue.keys[0]}\``);
  throw new McpConfigError(where, `${issue.path.length > 0 ? `\`${issue.path.join('.')}\`: ` : ''}${issue.message}`);
}

/** An error that says what was expected, and of what came no more than its absence. */
function expected(what: string) {
  return {
    error: ({ input }: { input?: unknown }) =>
      input === undefined ? `expected ${what}, is missing` : `expected ${what}`,
  };
}

function isHttpUrl(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url);
}
