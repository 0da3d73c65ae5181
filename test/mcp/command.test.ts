import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, test } from 'vitest';
import { execServer, MAIN } from '../cli/command-line.js';
import { atEnd, isAlive, startInProcess, until } from '../harness/index.js';
import { scripted } from './servers.js';

const { command, args = [] } = scripted('s', '');
const serverCommand = ['--', command, ...args];

/** A host that takes `exec-server mcp connect` for an MCP server on its own machine. */
async function host(url: string, server: string[] = serverCommand) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN, 'mcp', 'connect', '--url', url, ...server],
    stderr: 'ignore',
  });
  const client = new Client({ name: 'host', version: '1' });
  await client.connect(transport);
  atEnd(() => client.close());
  return { client, bridge: Number(transport.pid) };
}

const textOf = ({ content }: { content: unknown }) => (content as { text: string }[])[0]?.text ?? '';

test('mcp connect is the server that runs there, and ends it with itself', async () => {
  const { url } = await startInProcess();
  const { client, bridge } = await host(url);
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['env', 'cwd', 'pid']);
  const pid = Number(textOf(await client.callTool({ name: 'pid' })));
  expect(isAlive(pid)).toBe(true);
  await client.close();
  await until(() => !isAlive(bridge) && !isAlive(pid), { timeoutMs: 10_000 });
});

test('the end of the server is told to the host', async () => {
  const { url } = await startInProcess();
  const dying = scripted('s', `tools.die = () => process.exit(3)`);
  const { client, bridge } = await host(url, ['--', dying.command, ...(dying.args ?? [])]);
  await expect(client.callTool({ name: 'die' })).rejects.toThrow('ended with exit code 3');
  await until(() => !isAlive(bridge), { timeoutMs: 10_000 });
});

test('a bridge that is stopped by a signal leaves nothing', async () => {
  const { url } = await startInProcess();
  const { client, bridge } = await host(url);
  const pid = Number(textOf(await client.callTool({ name: 'pid' })));
  process.kill(bridge, 'SIGTERM');
  await until(() => !isAlive(bridge) && !isAlive(pid), { timeoutMs: 10_000 });
});

test('mcp list-tools prints what a server offers', async () => {
  const { url } = await startInProcess();
  const { code, stdout } = await execServer(['mcp', 'list-tools', '--url', url, ...serverCommand]).ended();
  expect([code, stdout.split('\n').map((line) => line.trim())]).toEqual([
    0,
    ['TOOL  DESCRIPTION', 'env', 'cwd', 'pid', ''],
  ]);
  const json = await execServer(['mcp', 'list-tools', '--json', ...serverCommand]).ended();
  expect(JSON.parse(json.stdout)).toHaveLength(3);
});

test('a server that does not start is an error with its reason, bad options are exit code 2', async () => {
  const failed = await execServer(['mcp', 'list-tools', '--', 'sh', '-c', 'echo no luck >&2; exit 9']).ended();
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('exit code 9; its last words: no luck') });
  const refused = await execServer(['mcp', 'proxy', 'ftp://host']).ended();
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('expected an http or https URL') });
  expect((await execServer(['mcp', 'list-tools', '-e', '=secret', '--', 'true']).ended()).stderr).not.toContain(
    'secret',
  );
});
