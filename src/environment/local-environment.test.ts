import { expect, onTestFinished, test, vi } from 'vitest';
import { text } from '../process/conveniences.js';
import { processId, type StartParams } from '../process/types.js';
import { EnvironmentClosedError, EnvironmentManager, LocalEnvironment } from './index.js';

const loaded = vi.hoisted((): string[] => []);

vi.mock('../process/local/local-backend.js', (original) => load('processes', original));
vi.mock('../files/local/local-file-system.js', (original) => load('files', original));
vi.mock('../client/exec-server-client.js', (original) => load('client', original));

/** Runs when the module is really imported. */
async function load(what: string, original: () => Promise<unknown>): Promise<object> {
  loaded.push(what);
  return (await original()) as object;
}

test('nothing is loaded before it is used', async () => {
  const manager = new EnvironmentManager({ environments: [{ id: 'a', url: 'ws://127.0.0.1:1' }] });
  onTestFinished(() => manager.close());
  manager.list().map((environment) => environment.status());
  await manager.local.processes.close();
  expect(loaded).toEqual([]);
  await manager.local.files.getMetadata('/');
  expect(loaded).toEqual(['files']);
  await manager.local.info();
  expect(loaded).toEqual(['files', 'processes']);
  await expect(manager.get('a').info()).rejects.toThrow('environment `a` could not be reached');
  expect(loaded).toEqual(['files', 'processes', 'client']);
});

test('runs processes here, is always ready, and ends with them', async () => {
  const environment = new LocalEnvironment();
  const statuses: string[] = [];
  environment.onStatusChange(({ status }) => statuses.push(status));
  expect(environment.status()).toEqual({ status: 'ready' });
  const hello = await environment.processes.start(script('echo hello'));
  expect(await text(hello)).toMatchObject({ stdout: 'hello\n', exitCode: 0 });
  const sleeper = await environment.processes.start(script('exec sleep 60'));
  await Promise.all([environment.close(), environment.close()]);
  expect(sleeper.info()).toMatchObject({ running: false, signal: 'SIGTERM' });
  expect(environment.status()).toEqual({ status: 'disconnected', reason: 'closed' });
  expect(statuses).toEqual(['disconnected']);
  await expect(environment.processes.start(script('true'))).rejects.toThrow(EnvironmentClosedError);
  await expect(environment.files.getMetadata('/')).rejects.toThrow('environment `local` has been closed');
});

test('ending the processes does not end the environment', async () => {
  await using environment = new LocalEnvironment();
  const sleeper = await environment.processes.start(script('exec sleep 60'));
  await environment.processes.close();
  expect(sleeper.info().running).toBe(false);
  expect(await text(await environment.processes.start(script('echo again')))).toMatchObject({ stdout: 'again\n' });
});

let started = 0;

function script(code: string): StartParams {
  return {
    processId: processId(`local-${started++}`),
    argv: ['/bin/sh', '-c', code],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    tty: false,
  };
}
