import { join } from 'node:path';
import { findPeer } from '../../bench/peers.mjs';
import { interopFolder } from '../../interop/servers.mjs';
import type { StdioMcpServer } from '../../src/mcp/config.js';
import { ourPlaces, type Place, realServer } from '../behaviour/places.js';

/** This machine, a server of ours, and the real ones where somebody (`npm run bench`, `npm run verify`) has installed them. */
export function places(): Place[] {
  const peers = (['0.129.0', '0.169.0'] as const).flatMap((version) => {
    const binary = findPeer(version);
    return binary ? [realServer(version, binary)] : [];
  });
  return [...ourPlaces.filter(({ name }) => name === 'local' || name === 'WebSocket'), ...peers];
}

/** Where the official servers are, or why they cannot be had here. */
export async function officialServers(): Promise<{ folder: string } | { missing: string }> {
  try {
    return { folder: join(await interopFolder(), 'node_modules', '@modelcontextprotocol') };
  } catch (error) {
    return { missing: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) };
  }
}

export function everything(folder: string): StdioMcpServer {
  return { name: 'everything', command: process.execPath, args: [join(folder, 'server-everything/dist/index.js')] };
}

export function filesystem(folder: string, ...directories: string[]): StdioMcpServer {
  const args = [join(folder, 'server-filesystem/dist/index.js'), ...directories];
  return { name: 'filesystem', command: process.execPath, args };
}

/** A server of a few lines, which does what official ones do not: for lines, ends and misbehaviour. */
export function scripted(name: string, body: string): StdioMcpServer {
  return { name, command: process.execPath, args: ['-e', SCRIPTED + body] };
}

const SCRIPTED = `
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
const methods = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } }),
  'tools/list': () => ({ tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })) }),
  'tools/call': ({ name, arguments: args }) => tools[name](args),
};
const text = (text) => ({ content: [{ type: 'text', text }] });
const tools = { env: ({ name }) => text(String(process.env[name])), cwd: () => text(process.cwd()), pid: () => text(String(process.pid)) };
require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, method, params } = JSON.parse(line);
  if (!methods[method]) return;
  const result = await methods[method](params);
  if (id !== undefined && result) send({ id, result });
});
`;
