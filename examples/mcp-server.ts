// An MCP server on another machine, and one on this, for an agent that sees only tools.
//   mcp-server.js ws://127.0.0.1:PORT
import { EnvironmentManager } from 'exec-server/environment';
import { McpManager } from 'exec-server/mcp';

const [url = ''] = process.argv.slice(2);

// Stands for `npx -y @modelcontextprotocol/server-…`: the smallest server that has a tool.
const script = `
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  const result = {
    initialize: { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } },
    'tools/list': { tools: [{ name: 'where', inputSchema: { type: 'object' } }] },
    'tools/call': { content: [{ type: 'text', text: process.cwd() }] },
  }[method];
  if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
});`;
const server = { command: process.execPath, args: ['-e', script], cwd: '/' };

await using environments = new EnvironmentManager({ environments: [{ id: 'far', url }] });
await using mcp = new McpManager(
  [
    { name: 'here', ...server },
    { name: 'there', environment: 'far', ...server },
  ],
  { environments },
);
await mcp.start();
for (const { name } of mcp.tools()) console.log(name, (await mcp.callTool({ name })).content);
