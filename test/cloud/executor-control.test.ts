import { expect, test } from 'vitest';
import { type RawClient, shell, until } from '../harness/index.js';
import { type Executor, startExecutor } from './executor-fixture.js';
import { type DoubleOptions, RegistryDouble, SIGNATURE } from './registry-double.js';

const HARNESS = `/rv/${SIGNATURE}?role=serve`;

/** Takes the control connection that is dialled next, and answers its hello. */
async function acceptControl(double: RegistryDouble): Promise<RawClient> {
  const control = await double.accept();
  const hello = await control.waitFor(({ method }) => method === 'control/hello');
  expect(hello.params).toMatchObject({ version: 1, executorVersion: expect.any(String) });
  control.sendRaw(JSON.stringify({ id: hello.id, result: { version: 1 } }));
  return control;
}

async function start(
  options: DoubleOptions = {},
): Promise<{ double: RegistryDouble; executor: Executor; control: RawClient }> {
  const double = await RegistryDouble.start({ control: true, ...options });
  const executor = await startExecutor(double, { name: options.name, labels: options.labels });
  const control = await acceptControl(double);
  await executor.heard('connected');
  return { double, executor, control };
}

/** Has the executor dial for a harness, and is that harness. */
async function harness(double: RegistryDouble, control: RawClient, connectionId: string): Promise<RawClient> {
  const dialled = control.result('control/dial', { connectionId, url: double.signed(HARNESS) });
  const client = await double.accept();
  expect(await dialled).toEqual({});
  return client;
}

test('the control connection is dialled instead of the other, and says who is there', async () => {
  const { double, executor, control } = await start({ name: 'box', labels: { zone: 'a' } });
  expect(control.messages[0]?.params).toMatchObject({ name: 'box', labels: { zone: 'a' } });
  expect(double.dialled).toHaveLength(1);
  expect(double.dialled[0]).toContain('role=control');
  expect(executor.news.at(-1)).toEqual({ type: 'connected', kind: 'control' });
});

test('many harnesses are served at once, each over a socket and in a session of its own', async () => {
  const { double, control } = await start();
  const clients = await Promise.all(Array.from({ length: 8 }, (_, i) => harness(double, control, `c${i}`)));
  const sessions = await Promise.all(clients.map((client) => client.initialize()));
  expect(new Set(sessions).size).toBe(8);
  const outputs = await Promise.all(
    clients.map(async (client, i) => {
      const done = client.collect('p');
      await client.result('process/start', shell('p', `echo ${i}`));
      return (await done).stdout;
    }),
  );
  expect(outputs).toEqual(clients.map((_, i) => `${i}\n`));
});

test('harnesses and their sessions outlive the control connection, which comes back', async () => {
  const { double, control } = await start();
  const client = await harness(double, control, 'c1');
  const resumeSessionId = await client.initialize();
  control.cut();
  const again = await acceptControl(double);
  expect(double.registered).toHaveLength(1);
  await client.result('process/start', shell('p', 'exec sleep 60'));
  client.cut();
  const resumed = await harness(double, again, 'c2');
  await resumed.initialize({ resumeSessionId });
  expect(await resumed.result('process/terminate', { processId: 'p' })).toEqual({ running: true });
});

test('asked to move, it registers again and leaves the old connection when the new one is there', async () => {
  const { double, executor, control } = await start();
  const client = await harness(double, control, 'c1');
  await client.initialize();
  control.notify('control/move', { reason: 'draining' });
  const next = await double.accept();
  const hello = await next.waitFor(({ method }) => method === 'control/hello');
  // Nobody has been answered yet: the old one still takes harnesses.
  await (await harness(double, control, 'c2')).initialize();
  next.sendRaw(JSON.stringify({ id: hello.id, result: { version: 1 } }));
  expect(await control.closed).toMatchObject({ code: 1001 });
  await (await harness(double, next, 'c3')).initialize();
  expect(await client.result('process/list')).toEqual({ processes: [] });
  expect(double.registered[1]).toEqual(double.registered[0]);
  expect(executor.news.map(({ type }) => type)).toEqual([
    'registered',
    'connected',
    'moving',
    'registered',
    'connected',
  ]);
});

test('a dial that fails is answered with why, and disturbs nobody', async () => {
  const { double, executor, control } = await start();
  double.dialRefusals.push(403);
  const refused = await control.request('control/dial', { connectionId: 'c1', url: double.signed(HARNESS) });
  expect(refused.error?.message).toMatch(/refused the WebSocket with HTTP 403: url_expired$/);
  const unsafe = await control.request('control/dial', { connectionId: 'c2', url: `ws://h.example/?${SIGNATURE}` });
  expect(unsafe.error?.message).toBe('`url`: expected a wss URL, or a ws URL of loopback');
  const wrong = await control.request('control/dial', { connectionId: 'c3' });
  expect(wrong.error?.message).toMatch(/invalid params of control\/dial: `url`/);
  expect((await control.request('control/sing')).error).toMatchObject({ code: -32601 });
  control.notify('control/sing');
  control.notify('control/dial', {});
  await (await harness(double, control, 'c4')).initialize();
  expect(JSON.stringify([refused, unsafe, wrong, executor.log])).not.toContain(SIGNATURE);
});

test('more dials at once than it does are refused, and none of the others suffers', async () => {
  const { double, control } = await start();
  double.isMute = true;
  const dial = (i: number) => control.request('control/dial', { connectionId: `c${i}`, url: double.signed(HARNESS) });
  const answers = Array.from({ length: 257 }, (_, i) => dial(i));
  expect((await answers[256])?.error).toMatchObject({ data: { kind: 'limit_reached' } });
  await until(() => double.dialled.length === 257, { what: '256 dials after that of the control connection' });
  double.cutDials();
  expect((await answers[0])?.error?.message).toMatch(/cannot connect/);
  double.isMute = false;
  await (await harness(double, control, 'c257')).initialize();
});

test('a hello that is refused is a dial that failed', async () => {
  const double = await RegistryDouble.start({ control: true });
  const executor = await startExecutor(double);
  const control = await double.accept();
  const hello = await control.waitFor(({ method }) => method === 'control/hello');
  control.sendRaw(JSON.stringify({ id: hello.id, error: { code: -32600, message: 'version 1 is too old' } }));
  await control.closed;
  await executor.heard('retrying');
  expect(executor.news.at(-1)).toMatchObject({ next: 'dial', reason: 'version 1 is too old' });
  await acceptControl(double);
});

test('closed, it ends the control connection; the harnesses stay', async () => {
  const { double, executor, control } = await start();
  const client = await harness(double, control, 'c1');
  await client.initialize();
  await executor.serving.close();
  expect(await control.closed).toMatchObject({ code: 1001 });
  expect(await client.result('process/list')).toEqual({ processes: [] });
});
