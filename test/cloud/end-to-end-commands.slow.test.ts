import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../harness/index.js';
import { startOrigin } from '../http/origins.js';
import { scripted } from '../mcp/servers.js';
import { Cloud } from './end-to-end.js';

test('files, HTTP, MCP and sessions work by way of a registry as they do by URL', async () => {
  const cloud = await Cloud.open();
  await cloud.startExecutor('eu.box', '--cloud-name', 'a box', '--cloud-label', 'zone=eu');
  const command = (name: string, ...args: string[]) => cloud.command(name, 'eu.box', ...args).ended();
  const here = scratchDirectory();
  const there = scratchDirectory();
  const large = Buffer.alloc(6 * 1024 * 1024 + 5, 'not all the same, ');
  writeFileSync(join(here, 'large'), large);
  expect(await command('cp', join(here, 'large'), `:${there}/copy`)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(readFileSync(join(there, 'copy')).equals(large)).toBe(true);
  expect((await command('ls', there)).stdout).toBe('copy\n');
  expect((await command('cat', `${there}/copy`)).stdout === large.toString()).toBe(true);
  const origin = await startOrigin((_request, response) => void response.end('the page'));
  expect(await command('http', origin.url)).toEqual({ code: 0, stdout: 'the page', stderr: '' });
  expect((await cloud.run('cp', ...cloud.where('eu.box'), `eu.box:${there}/copy`, `${here}/back`)).code).toBe(0);
  expect(readFileSync(join(here, 'back')).equals(large)).toBe(true);
  const { command: server, args: serverArgs = [] } = scripted('s', '');
  const listed = await cloud.run('mcp', 'list-tools', ...cloud.where('eu.box'), '--', server, ...serverArgs);
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('pid') });
  const started = await command('run', '--session', 'work', '--name', 'job', '--detach', '--', 'sleep', '60');
  expect(started).toEqual({ code: 0, stdout: 'job\n', stderr: '' });
  const back = ['--session', 'work', '--registry-token-file', cloud.harnessTokenFile];
  expect((await cloud.run('ps', ...back)).stdout).toMatch(/^job +\d+ +running +sleep 60$/m);
  expect((await cloud.run('kill', ...back, 'job')).code).toBe(0);
  expect((await cloud.run('attach', ...back, 'job')).code).toBe(143);
  const token = ['--registry-token-file', cloud.harnessTokenFile];
  const table = await cloud.run('env', 'list', '--registry', cloud.harnessUrl, ...token);
  expect(table.stdout).toMatch(/^eu\.box +a box +online +now +\d+ +zone=eu$/m);
}, 60_000);

test('an executor that has left is offline: the command waits for a while, says so, and ends with 1', async () => {
  const cloud = await Cloud.open();
  const executor = await cloud.startExecutor('box');
  executor.child.kill('SIGTERM');
  expect((await executor.ended()).code).toBe(0);
  await cloud.status('box', 'offline');
  const failed = await cloud.command('run', 'box', '--connect-timeout', '2', '--', 'true').ended();
  expect(failed).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/environment_offline: .*last seen at 20.*; it may come back: try again later\n$/),
  });
  const waiting = cloud.command('run', 'box', '--connect-timeout', '60', '--', 'echo', 'at last');
  await cloud.startExecutor('box');
  expect(await waiting.ended()).toEqual({ code: 0, stdout: 'at last\n', stderr: '' });
}, 60_000);

test("somebody else's token gets the same answer whether or not there is such an environment, and at once", async () => {
  const cloud = await Cloud.open();
  await cloud.startExecutor('box');
  cloud.setHarnessToken(await cloud.token('harness', ['other-*']));
  for (const id of ['box', 'no-such-box']) {
    const { code, stderr } = await cloud.command('run', id, '--connect-timeout', '600', '--', 'true').ended();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/HTTP 403: forbidden: .*connect with a/),
    });
  }
  cloud.setHarnessToken(await cloud.token('executor'));
  expect((await cloud.command('run', 'box', '--', 'true').ended()).stderr).toContain('HTTP 403');
  cloud.setHarnessToken('made-up');
  expect((await cloud.command('run', 'box', '--', 'true').ended()).stderr).toContain('HTTP 401');
  const said = cloud.said();
  for (const token of cloud.tokens) expect(said).not.toContain(token);
}, 60_000);

test('a rendezvous that drains sends everybody elsewhere, and the next one takes over', async () => {
  const cloud = await Cloud.open();
  await cloud.startExecutor('box');
  const run = cloud.command('run', 'box', '--', 'sh', '-c', 'echo started; read x; echo $x; exit 4');
  await run.says('started');
  cloud.rendezvous.child.kill('SIGTERM');
  expect((await cloud.rendezvous.ended()).code).toBe(0);
  await cloud.startRendezvous();
  run.child.stdin.end('on\n');
  expect(await run.ended()).toMatchObject({ code: 4, stdout: 'started\non\n' });
}, 60_000);
