import { expect, onTestFinished, test } from 'vitest';
import { CutProxy, shell, startInProcess } from '../../test/harness/index.js';
import type { ExecProcess, StartParams } from '../process/types.js';
import type { EnvironmentsConfig } from './config.js';
import { EnvironmentManager } from './environment-manager.js';
import {
  EnvironmentClosedError,
  EnvironmentConfigError,
  EnvironmentExistsError,
  NoDefaultEnvironmentError,
  UnknownEnvironmentError,
} from './errors.js';
import type { EnvironmentSpec } from './spec.js';

const A = { id: 'a', url: 'ws://127.0.0.1:1' };
const B = { id: 'b', program: 'ssh' };

function manage(config?: EnvironmentsConfig): EnvironmentManager {
  const manager = new EnvironmentManager(config);
  onTestFinished(() => manager.close());
  return manager;
}

const ids = (manager: EnvironmentManager) => manager.list().map(({ id }) => id);

test.each<[EnvironmentsConfig | undefined, string | undefined, string[]]>([
  [undefined, 'local', ['local']],
  [{ environments: [A, B] }, 'local', ['local', 'a', 'b']],
  [{ environments: [A, B], default: 'b' }, 'b', ['b', 'local', 'a']],
  [{ environments: [A, B], default: ' none ' }, undefined, ['local', 'a', 'b']],
  [{ environments: [A, B], default: 'NONE' }, undefined, ['local', 'a', 'b']],
  [{ environments: [A], includeLocal: false }, undefined, ['a']],
  [{ environments: [A], includeLocal: false, default: 'a' }, 'a', ['a']],
])('%j: the default is %s', (config, defaultId, all) => {
  const manager = manage(config);
  expect(manager.defaultId).toBe(defaultId);
  expect(ids(manager)).toEqual(all);
  if (defaultId === undefined) expect(() => manager.default).toThrow(NoDefaultEnvironmentError);
  else expect(manager.default).toBe(manager.get(defaultId));
});

test('without a default, the error says what can be named instead', () => {
  expect(() => manage({ environments: [A], default: 'none' }).default).toThrow(
    'no default environment: it is switched off; name one of `local`, `a`',
  );
  expect(() => manage({ default: 'none', includeLocal: false }).default).toThrow(
    /^no default environment: it is switched off$/,
  );
});

test('an unknown id is an error that names the known ones', () => {
  expect(() => manage({ environments: [A, B], default: 'b' }).get('c')).toThrow(
    'unknown environment `c`: known are `b`, `local`, `a`',
  );
  expect(() => manage({ includeLocal: false }).get('local')).toThrow('unknown environment `local`: there are none');
});

test('this machine stays reachable for ourselves when it cannot be asked for', async () => {
  const manager = manage({ includeLocal: false });
  expect(() => manager.get('local')).toThrow(UnknownEnvironmentError);
  expect((await manager.local.info()).shell.path).toMatch(/^\//);
});

test.each<[unknown, string]>([
  [{ environments: [A, A] }, '`environments[1].id`: is the id of an earlier one too'],
  [{ default: 'x' }, '`default`: there is no such environment: expected one of `local`, `none`'],
  [{ environments: [{ id: 'a', url: 'a' }] }, '`environments[0].url`: expected `ws://HOST:PORT`'],
  [
    { environments: [{ id: 'a', program: 'a', authBearerToken: 'x' }] },
    '`environments[0].authBearerToken`: goes with `url` or `registry` only',
  ],
  [{ environment: [] }, '`environment`: there is no such key'],
  [{ environments: {} }, '`environments`: expected an array of specifications'],
  [7, 'expected an object'],
])('refuses the configuration %j', (config, problem) => {
  expect(() => new EnvironmentManager(config as EnvironmentsConfig)).toThrow(EnvironmentConfigError);
  expect(() => new EnvironmentManager(config as EnvironmentsConfig)).toThrow(`environments configuration: ${problem}`);
});

test('adds environments, whose ids must be new and whose specifications good', () => {
  const manager = manage();
  const added = manager.add(A);
  expect(manager.get('a')).toBe(added);
  expect(ids(manager)).toEqual(['local', 'a']);
  expect(manager.default).toBe(manager.local);
  expect(() => manager.add(A)).toThrow(EnvironmentExistsError);
  expect(() => manager.add({ id: 'local', url: 'ws://a:1' })).toThrow('environment specification: `id`: is reserved');
  expect(() => manager.add({ id: 'c' } as EnvironmentSpec)).toThrow(
    'expected one of `url`, `program`, `registry`, all are missing',
  );
  expect(() => manager.add({ ...A, id: 'c', port: 1 } as EnvironmentSpec)).toThrow('`port`: there is no such key');
  expect(ids(manager)).toEqual(['local', 'a']);
});

test('a default that is removed is missed, and comes back with its id', async () => {
  const manager = manage({ environments: [A], default: 'a' });
  await manager.remove('a');
  expect(manager.defaultId).toBeUndefined();
  expect(() => manager.default).toThrow('no default environment: `a` has been removed; name one of `local`');
  expect(manager.add(A)).toBe(manager.default);
});

test('what is not there can be neither removed nor replaced, and `local` stays', async () => {
  const manager = manage({ environments: [A] });
  await expect(manager.remove('x')).rejects.toThrow(UnknownEnvironmentError);
  await expect(manager.replace(B)).rejects.toThrow(UnknownEnvironmentError);
  await expect(manager.remove('local')).rejects.toThrow('`local` cannot be removed');
  expect(ids(manager)).toEqual(['local', 'a']);
});

test('an environment that is removed ends its processes and takes nothing more', async () => {
  const { url } = await startInProcess();
  const manager = manage({ environments: [{ id: 'a', url }], default: 'a' });
  const environment = manager.default;
  const process = await sleeper(environment.processes.start.bind(environment.processes));
  const removed = manager.remove('a');
  expect(() => manager.get('a')).toThrow(UnknownEnvironmentError);
  await removed;
  await process.ended();
  expect(process.info()).toMatchObject({ running: false, signal: 'SIGKILL' });
  expect(environment.status()).toEqual({ status: 'disconnected', reason: 'closed' });
  await expect(environment.files.readFile('/etc/hostname')).rejects.toThrow(EnvironmentClosedError);
});

test('an environment that is replaced gives way at once, and its processes end', async () => {
  const first = await startInProcess();
  const second = await startInProcess();
  const manager = manage({ environments: [{ id: 'a', url: first.url }], default: 'a' });
  const old = manager.default;
  const process = await sleeper(old.processes.start.bind(old.processes));
  const replaced = manager.replace({ id: 'a', url: second.url });
  const { default: fresh } = manager;
  expect(fresh).not.toBe(old);
  expect(fresh.description).toBe(second.url);
  expect(ids(manager)).toEqual(['a', 'local']);
  const other = await sleeper(fresh.processes.start.bind(fresh.processes));
  expect(await replaced).toBe(fresh);
  await process.ended();
  expect(process.info().running).toBe(false);
  expect(other.info().running).toBe(true);
});

test('closing ends all environments, with those that are leaving, and refuses new ones', async () => {
  const { url } = await startInProcess();
  const slow = await CutProxy.listen(url, { delayMs: 50 });
  const manager = manage({
    environments: [
      { id: 'a', url },
      { id: 'b', url: slow.url },
    ],
  });
  const [a, b] = [manager.get('a'), manager.get('b')];
  const processes = await Promise.all(
    [a, b, manager.local].map(({ processes }) => sleeper((params) => processes.start(params))),
  );
  const removed = manager.remove('b');
  await Promise.all([manager.close(), manager.close()]);
  expect([a, b, manager.local].map((environment) => environment.status().status)).toEqual(
    Array(3).fill('disconnected'),
  );
  expect(processes.map((process) => process.info().running)).toEqual([false, false, false]);
  expect(() => manager.add(B)).toThrow('the environment manager has been closed');
  await expect(manager.local.info()).rejects.toThrow(EnvironmentClosedError);
  await removed;
});

let started = 0;

function sleeper(start: (params: StartParams) => Promise<ExecProcess>): Promise<ExecProcess> {
  return start(shell(`sleeper-${started++}`, 'exec sleep 60') as unknown as StartParams);
}
