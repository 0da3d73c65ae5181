abstract class McpError extends Error {
  abstract readonly code: string;
  readonly retryable: boolean = false;
  readonly mayHaveExecuted: boolean = false;
}

/** A configuration says something that cannot be. Never quotes a value: any of them may be a secret in the wrong place. */
export class McpConfigError extends McpError {
  override readonly name = 'McpConfigError';
  readonly code = 'invalid_mcp_config';

  constructor(where: string, problem: string) {
    super(`${where}: ${problem}`);
  }
}

/** The way to a server has ended; what was under way may have been carried out. The message is the reason. */
export class McpClosedError extends McpError {
  override readonly name = 'McpClosedError';
  readonly code = 'mcp_server_closed';
  override readonly retryable = true;
  override readonly mayHaveExecuted = true;
}

/** The server is not there to be used: it has failed, is starting again, or the manager has been closed. Nothing was sent. */
export class McpUnavailableError extends McpError {
  override readonly name = 'McpUnavailableError';
  readonly code = 'mcp_server_unavailable';
  override readonly retryable: boolean;
  readonly server: string;

  constructor(server: string, why: string, { retryable }: { retryable: boolean }) {
    super(`MCP server \`${server}\` cannot be used: ${why}`);
    this.server = server;
    this.retryable = retryable;
  }
}

/** Names a tool that no running server has. */
export class UnknownToolError extends McpError {
  override readonly name = 'UnknownToolError';
  readonly code = 'unknown_tool';

  constructor(tool: string) {
    super(`no MCP server offers a tool \`${tool}\`: ask for the list of tools again`);
  }
}

/** The server wants to know who asks, and there is no login that it accepts. Nothing was carried out. */
export class McpLoginRequiredError extends McpError {
  override readonly name = 'McpLoginRequiredError';
  readonly code = 'mcp_login_required';
  readonly url: string;

  constructor(url: string, why: string) {
    super(`${url} ${why}: log in with \`exec-server mcp login ${url}\``);
    this.url = url;
  }
}

/** A login did not come about. Nothing of it is kept. */
export class McpLoginError extends McpError {
  override readonly name = 'McpLoginError';
  readonly code = 'mcp_login_failed';
  override readonly retryable = true;

  constructor(url: string, why: string) {
    super(`the login to ${url} failed: ${why}`);
  }
}
