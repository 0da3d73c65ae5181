import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EnvironmentManager } from '../../src/environment/index.js';
import { McpManager, type McpServerConfig } from '../../src/mcp/index.js';
import { MAIN } from '../cli/command-line.js';
import { atEnd, isAlive, scratchDirectory, until } from '../harness/index.js';
import { scripted } from './servers.js';

function manage(servers: readonly McpServerConfig[], restartDelayMs = () => 1) {
  const args = [MAIN, 'serve', '--listen', 'stdio', '--log-level', 'warn'];
  const environments = new EnvironmentManager({ environments: [{ id: 'far', program: process.execPath, args }] });
  atEnd(() => environments.close());
  const manager = new McpManager(servers, { environments, restartDelayMs });
  atEnd(() => manager.close());
  return manager;
}

const states = (manager: McpManager) => Object.fromEntries(manager.servers().map(({ name, state }) => [name, state]));
const textOf = ({ content }: { content: unknown }) => (content as { text: string }[])[0]?.text ?? '';
const die = `tools.die = () => process.exit(1)`;

test('servers start side by side, and one that fails is no matter to the others', async () => {
  const manager = manage([
    scripted('here', ''),
    { ...scripted('there', ''), environment: 'far' },
    { name: 'broken', command: 'false' },
    { name: 'slow', command: 'tail', args: ['-f', '/dev/null'], startup_timeout_sec: 1 },
    { ...scripted('nowhere', ''), environment: 'unheard-of' },
  ]);
  await manager.start();
  expect(states(manager)).toEqual({
    here: 'ready',
    there: 'ready',
    broken: 'failed',
    slow: 'failed',
    nowhere: 'failed',
  });
  const errors = manager.servers().flatMap((server) => (server.state === 'failed' ? [server.error.message] : []));
  expect(errors).toEqual([
    expect.stringContaining('ended with exit code 1'),
    expect.stringContaining('did not answer `initialize` within 1 s'),
    expect.stringContaining('unknown environment `unheard-of`'),
  ]);
  expect(manager.tools().map(({ name }) => name)).toEqual(
    ['here', 'there'].flatMap((server) => ['env', 'cwd', 'pid'].map((tool) => `mcp__${server}__${tool}`)),
  );
  const pid = Number(textOf(await manager.callTool({ name: 'mcp__there__pid' })));
  expect(isAlive(pid)).toBe(true);
  await expect(manager.callTool({ name: 'mcp__here__missing' })).rejects.toThrow('no MCP server offers a tool');
  await manager.close();
  expect(isAlive(pid)).toBe(false);
  expect(new Set(Object.values(states(manager)))).toEqual(new Set(['closed']));
});

test('a server that dies is started again', async () => {
  const manager = manage([scripted('mortal', die)]);
  await manager.start();
  const before = textOf(await manager.callTool({ name: 'mcp__mortal__pid' }));
  await expect(manager.callTool({ name: 'mcp__mortal__die' })).rejects.toThrow('ended with exit code 1');
  await until(() => states(manager).mortal === 'ready');
  expect(textOf(await manager.callTool({ name: 'mcp__mortal__pid' }))).not.toBe(before);
});

test('one that keeps dying is given up, with the reason', async () => {
  const manager = manage([scripted('mortal', `${die}; setTimeout(() => process.exit(4), 150)`)]);
  await manager.start();
  await until(() => states(manager).mortal === 'failed', { timeoutMs: 15_000 });
  expect(manager.servers()).toEqual([
    expect.objectContaining({ error: expect.objectContaining({ message: expect.stringContaining('exit code 4') }) }),
  ]);
  expect(() => manager.client('mortal')).toThrow('cannot be used: failed');
});

test('a manager that is closed while its servers start leaves none', async () => {
  const manager = manage([scripted('one', ''), { name: 'silent', command: 'tail', args: ['-f', '/dev/null'] }]);
  const started = manager.start();
  await manager.close();
  await started;
  expect(states(manager)).toEqual({ one: 'closed', silent: 'closed' });
});

test('a server that cannot say what it offers has failed, and is not left running', async () => {
  const file = join(scratchDirectory(), 'pid');
  const body = `require('node:fs').writeFileSync('${file}', String(process.pid)); methods['tools/list'] = () => { process.stdout.write('{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no idea"}}\\n') }`;
  const manager = manage([scripted('vague', body)]);
  await manager.start();
  expect(manager.servers()).toMatchObject([
    { state: 'failed', error: { message: expect.stringContaining('no idea') } },
  ]);
  expect(isAlive(Number(readFileSync(file, 'utf8')))).toBe(false);
});

test('two servers of one name are refused', () => {
  expect(() => manage([scripted('same', ''), scripted('same', '')])).toThrow('there are two of this name');
});
