import type { McpServer } from '@modelcontextprotocol/server';
import { VERSION } from '../protocol/version.js';
import type { UnifiedExecManager } from './unified-exec-manager.js';
import type { Workspace } from './workspace/workspace.js';

export interface McpServerOptions {
  /** Runs the commands; it is not closed with the server. Its `cwd` and `sandbox` should be those of the workspace. */
  manager: UnifiedExecManager;
  workspace: Workspace;
}

/**
 * An MCP server that offers `exec_command`, `write_stdin`, `read_file`, `write_file`, `list_directory` and `apply_patch`, to be
 * connected to a transport of the official SDK. What fails is a result with `isError` and text that a model can act on.
 */
export async function createMcpServer({ manager, workspace }: McpServerOptions): Promise<McpServer> {
  // Whoever has the tools without MCP does not load the SDK.
  const [{ McpServer }, { registerCommandTools }, { registerFileTools }] = await Promise.all([
    import('@modelcontextprotocol/server'),
    import('./mcp-tools/command-tools.js'),
    import('./mcp-tools/file-tools.js'),
  ]);
  const instructions = `Commands and files of one machine. The working directory is ${workspace.cwd}: commands run there, and relative paths begin there.`;
  const server = new McpServer({ name: 'exec-server', version: VERSION }, { instructions });
  registerCommandTools(server, manager, workspace);
  registerFileTools(server, workspace);
  return server;
}
