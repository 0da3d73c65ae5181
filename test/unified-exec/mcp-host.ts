import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { MAIN } from '../cli/command-line.js';
import { atEnd } from '../harness/index.js';

/** What `exec-server mcp serve` offers. */
export const TOOLS = ['exec_command', 'write_stdin', 'read_file', 'write_file', 'list_directory', 'apply_patch'];

export interface Answer {
  text: string;
  isError: boolean;
  structured: Record<string, unknown> | undefined;
}

export interface Host {
  client: Client;
  /** Of `exec-server mcp serve`. */
  pid: number;
  call(tool: string, input: Record<string, unknown>, options?: { signal?: AbortSignal }): Promise<Answer>;
}

/** An MCP host that has started `exec-server mcp serve`. */
export async function startHost(...args: string[]): Promise<Host> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN, 'mcp', 'serve', ...args],
    stderr: 'ignore',
  });
  const client = new Client({ name: 'host', version: '1' });
  await client.connect(transport);
  atEnd(() => client.close());
  return {
    client,
    pid: Number(transport.pid),
    async call(name, input, options) {
      const { content, isError, structuredContent } = await client.callTool({ name, arguments: input }, options);
      const [first] = content as { text?: string }[];
      return {
        text: first?.text ?? '',
        isError: isError === true,
        structured: structuredContent as Answer['structured'],
      };
    },
  };
}

/** One file, changed from `from` to `to`. */
export function patch(path: string, from: string, to: string): { input: string } {
  return { input: `*** Begin Patch\n*** Update File: ${path}\n@@\n-${from}\n+${to}\n*** End Patch` };
}
