import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { CutProxy, startInProcess, until } from '../../test/harness/index.js';
import type { SubscriberEvent } from '../event-log/events.js';
import { text } from '../process/conveniences.js';
import { type ExecProcess, processId, type StartParams } from '../process/types.js';
import { EnvironmentClosedError, EnvironmentConnectError } from './errors.js';
import { RemoteEnvironment } from './remote-environment.js';
import type { EnvironmentSpec } from './spec.js';
import type { Environment, EnvironmentStatus } from './types.js';

function open(spec: EnvironmentSpec): RemoteEnvironment {
  const environment = new RemoteEnvironment(spec);
  onTestFinished(() => environment.close());
  return environment;
}

/** A server, and a proxy in front of it that counts its connections. */
async function serve(options?: Parameters<typeof startInProcess>[0]): Promise<CutProxy> {
  return CutProxy.listen((await startInProcess(options)).url);
}

function record(environment: Environment): string[] {
  const seen: string[] = [];
  environment.onStatusChange(({ status }) => seen.push(status));
  return seen;
}

function untilStatus(environment: Environment, wanted: EnvironmentStatus['status']): Promise<EnvironmentStatus> {
  return new Promise((resolve) => {
    const check = (status: EnvironmentStatus) => {
      if (status.status !== wanted) return;
      stop();
      resolve(status);
    };
    const stop = environment.onStatusChange(check);
    check(environment.status());
  });
}

test('connects on first use and not before, whatever is asked about it', async () => {
  const proxy = await serve();
  const environment = open({ id: 'a', url: proxy.url });
  expect(environment.status()).toEqual({ status: 'disconnected', reason: 'not used yet' });
  expect(environment.description).toBe(proxy.url);
  await environment.processes.close();
  expect(environment.status().status).toBe('disconnected');
  expect(proxy.acceptedCount).toBe(0);
  expect(await environment.files.getMetadata('/')).toMatchObject({ isDirectory: true });
  expect(proxy.acceptedCount).toBe(1);
  expect(environment.status()).toEqual({ status: 'ready' });
});

test('processes, files and info share one connection, also when all come at once', async () => {
  const proxy = await serve();
  const environment = open({ id: 'a', url: proxy.url });
  const statuses = record(environment);
  const { processes, files } = environment;
  const uses = Array.from({ length: 10 }, (_, n) => [
    processes.start(script(`echo ${n}`)).then(text),
    files.getMetadata('/'),
    environment.info(),
  ]);
  const results = await Promise.all(uses.flat());
  const outputs = results.flatMap((result) => ('stdout' in result ? [String(result.stdout).trim()] : []));
  expect(outputs).toEqual([...'0123456789']);
  expect(proxy.acceptedCount).toBe(1);
  expect(statuses).toEqual(['connecting', 'ready']);
});

test('every file operation arrives', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'remote-environment-')));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { files } = open({ id: 'a', url: (await serve()).url });
  await files.createDirectory(`${folder}/a/b`, { recursive: true });
  await files.writeFile(`${folder}/a/b/c`, Buffer.from('text'));
  await files.copy(`${folder}/a`, `${folder}/d`, { recursive: true });
  await files.remove(`${folder}/a`, { recursive: true });
  expect(await files.readDirectory(folder)).toEqual([{ fileName: 'd', isDirectory: true, isFile: false }]);
  expect((await files.readFile(`${folder}/d/b/c`)).toString()).toBe('text');
});

test('an attempt that failed fails for all who waited, and the next use makes another', async () => {
  const proxy = await serve();
  const environment = open({ id: 'a', url: proxy.url });
  const statuses = record(environment);
  proxy.refuseNew = true;
  const [first, second] = await Promise.allSettled([environment.info(), environment.files.getMetadata('/')]);
  expect(first).toMatchObject({ status: 'rejected', reason: expect.any(EnvironmentConnectError) });
  expect(second).toEqual(first);
  expect((first as PromiseRejectedResult).reason).toMatchObject({
    message: expect.stringMatching(/^environment `a` could not be reached: cannot connect to `ws:/),
    code: 'environment_unreachable',
    retryable: true,
    mayHaveExecuted: false,
    cause: { name: 'DialError' },
  });
  expect(environment.status()).toEqual({
    status: 'disconnected',
    reason: expect.stringMatching(/^cannot connect to `ws:/),
  });
  await expect(environment.info()).rejects.toThrow(EnvironmentConnectError);
  proxy.refuseNew = false;
  await environment.info();
  expect(statuses).toEqual(['connecting', 'disconnected', 'connecting', 'disconnected', 'connecting', 'ready']);
});

test('a connection that is cut is come back to, and the status says so', async () => {
  const proxy = await serve();
  const environment = open({ id: 'a', url: proxy.url });
  const process = await environment.processes.start(script('read line; echo "got $line"', { pipeStdin: true }));
  const statuses = record(environment);
  proxy.refuseNew = true;
  proxy.cutAll();
  const { reason } = await untilStatus(environment, 'recovering');
  expect(reason).toBeTruthy();
  expect(proxy.acceptedCount).toBe(1);
  proxy.refuseNew = false;
  await untilStatus(environment, 'ready');
  await process.write(Buffer.from('it\n'));
  expect((await text(process)).stdout).toBe('got it\n');
  expect(statuses).toEqual(['recovering', 'ready']);
  expect(proxy.acceptedCount).toBe(2);
});

/** Cuts the connection, and lets nobody through until the server has forgotten the session. */
async function loseSession(proxy: CutProxy, environment: Environment, forget: () => Promise<unknown>): Promise<void> {
  proxy.refuseNew = true;
  proxy.cutAll();
  await untilStatus(environment, 'recovering');
  await forget();
  proxy.refuseNew = false;
}

test('when the server has restarted its processes end with `failed`, and what was waiting goes to a new session', async () => {
  const server = await startInProcess();
  const proxy = await CutProxy.listen(server.url);
  const environment = open({ id: 'a', url: proxy.url });
  const process = await environment.processes.start(script('exec sleep 60'));
  const statuses = record(environment);
  let waiting: Promise<unknown[]> | undefined;
  await loseSession(proxy, environment, async () => {
    const { processes, files } = environment;
    waiting = Promise.all([files.getMetadata('/'), processes.start(script('echo new')).then(text)]);
    await server.close();
    await startInProcess({ listen: server.url });
  });
  expect(await waiting).toMatchObject([{ isDirectory: true }, { stdout: 'new\n' }]);
  expect(statuses).toEqual(['recovering', 'disconnected', 'connecting', 'ready']);
  expect(await eventsOf(process)).toMatchObject([{ type: 'failed', error: { code: 'session_lost' } }]);
  await expect(process.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'session_lost' });
});

test('a lost session is not replaced before somebody needs a new one', async () => {
  const proxy = await serve({ sessionTtlMs: 20 });
  const environment = open({ id: 'a', url: proxy.url });
  const process = await environment.processes.start(script('exec sleep 60'));
  await loseSession(proxy, environment, () => untilStatus(environment, 'disconnected'));
  expect(await eventsOf(process)).toMatchObject([{ type: 'failed' }]);
  expect(environment.status().reason).toMatch(/could not be re-established within 0.02 s/);
  await environment.processes.close();
  expect(environment.status().status).toBe('disconnected');
  expect(proxy.acceptedCount).toBe(1);
  await environment.info();
  expect(proxy.acceptedCount).toBe(2);
});

test('when no new session can be had either, what was waiting is told so', async () => {
  const proxy = await serve({ sessionTtlMs: 20 });
  const environment = open({ id: 'a', url: proxy.url });
  await environment.info();
  proxy.refuseNew = true;
  proxy.cutAll();
  await untilStatus(environment, 'recovering');
  await expect(environment.files.getMetadata('/')).rejects.toThrow(EnvironmentConnectError);
});

test('what had been sent when the session was lost is not sent to another one', async () => {
  const server = await startInProcess();
  const proxy = await CutProxy.listen(server.url);
  const environment = open({ id: 'a', url: proxy.url });
  await environment.info();
  proxy.stall();
  const sent = environment.files.getMetadata('/');
  const refused = expect(sent).rejects.toMatchObject({ code: 'session_lost', mayHaveExecuted: true });
  await new Promise((resolve) => setImmediate(resolve)); // now it has
  await loseSession(proxy, environment, async () => {
    await server.close();
    await startInProcess({ listen: server.url });
  });
  await refused;
  expect(environment.status().status).toBe('disconnected');
});

test('ending the processes does not end the environment', async () => {
  const proxy = await serve();
  const environment = open({ id: 'a', url: proxy.url });
  const process = await environment.processes.start(script('exec sleep 60'));
  await environment.processes.close();
  expect(process.info().running).toBe(false);
  await environment.info();
  expect(proxy.acceptedCount).toBe(1);
});

test('closing ends an attempt that is under way, and nothing more is taken', async () => {
  const proxy = await serve();
  proxy.stallNew = true;
  const environment = open({ id: 'a', url: proxy.url });
  const statuses = record(environment);
  const use = environment.info();
  const refused = expect(use).rejects.toThrow(EnvironmentClosedError);
  await until(() => proxy.connectionCount === 1);
  const closing = environment.close();
  expect(environment.close()).toBe(closing);
  await Promise.all([closing, refused]);
  expect(environment.status()).toEqual({ status: 'disconnected', reason: 'closed' });
  await expect(environment.info()).rejects.toThrow('environment `a` has been closed');
  proxy.resume(); // it passes on the end too only now
  await until(() => proxy.connectionCount === 0, { what: 'the end of the connection' });
  expect(statuses).toEqual(['connecting', 'disconnected']);
});

test('closing at the very moment of the first use leaves no connection behind', async () => {
  const proxy = await serve();
  const environment = open({ id: 'a', url: proxy.url });
  const refused = expect(environment.info()).rejects.toThrow(EnvironmentClosedError);
  await environment.close();
  await refused;
  await until(() => proxy.connectionCount === 0);
  expect(environment.status()).toEqual({ status: 'disconnected', reason: 'closed' });
});

test('an environment that is closed before its first use connects to nothing', async () => {
  const proxy = await serve();
  const environment = new RemoteEnvironment({ id: 'a', url: proxy.url });
  await environment[Symbol.asyncDispose]();
  expect(proxy.acceptedCount).toBe(0);
});

test('a listener that was taken away hears nothing more', async () => {
  const environment = open({ id: 'a', url: (await serve()).url });
  const seen: string[] = [];
  const stop = environment.onStatusChange(({ status }) => seen.push(status));
  stop();
  await environment.info();
  expect(seen).toEqual([]);
});

test('the time-outs are those of the specification', async () => {
  const proxy = await serve();
  proxy.stallNew = true;
  const slow = open({ id: 'a', url: proxy.url, connectTimeoutMs: 30 });
  await expect(slow.info()).rejects.toThrow('did not answer the WebSocket handshake within 30 ms');
  const silent = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const mute = open({ id: 'b', url: `ws://127.0.0.1:${port}`, initializeTimeoutMs: 30 });
  await expect(mute.info()).rejects.toThrow(/30 ms/);
});

test('a unix socket will do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'remote-environment-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { url } = await startInProcess({ listen: `unix://${folder}/socket` });
  const environment = open({ id: 'a', url });
  expect(environment.description).toBe(url);
  expect((await text(await environment.processes.start(script('echo here')))).stdout).toBe('here\n');
});

/** Answers `initialize` with its working directory, an argument and a variable, dies of the second request. */
const PROGRAM = `
const { createInterface } = require('node:readline');
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (method === 'initialized') return;
  if (method !== 'initialize') process.exit(7);
  const { GREETING, INHERITED } = process.env;
  const shell = { name: [GREETING, INHERITED, ...process.argv.slice(2)].join(' '), path: process.cwd() };
  console.log(JSON.stringify({ id, result: { sessionId: 's', environmentInfo: { shell } } }));
});`;

test('a program is started on first use with its arguments, its folder, and our environment under its own', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'remote-environment-')));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'program.cjs'), PROGRAM);
  process.env.INHERITED = 'inherited';
  process.env.GREETING = 'overridden';
  const spec = { program: process.execPath, args: ['program.cjs', 'an argument'], env: { GREETING: 'hello' } };
  const environment = open({ id: 'a', ...spec, cwd: folder });
  const answer = { shell: { name: 'hello inherited an argument', path: folder } };
  expect(environment.description).toBe(`program ${process.execPath}`);
  expect(await environment.info()).toMatchObject(answer);
  await expect(environment.files.getMetadata('/')).rejects.toThrow(/exited with code 7/);
  expect(environment.status()).toMatchObject({ status: 'disconnected', reason: /exited with code 7/ });
  expect(await environment.info()).toMatchObject(answer);
});

test('a program that cannot be started is an environment that cannot be reached', async () => {
  const environment = open({ id: 'a', program: '/nowhere/at/all' });
  await expect(environment.info()).rejects.toThrow(
    'environment `a` could not be reached: cannot start `/nowhere/at/all`: spawn /nowhere/at/all ENOENT',
  );
});

let started = 0;

function script(code: string, more: Partial<StartParams> = {}): StartParams {
  return {
    processId: processId(`remote-${started++}`),
    argv: ['/bin/sh', '-c', code],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    tty: false,
    ...more,
  };
}

async function eventsOf(process: ExecProcess): Promise<SubscriberEvent[]> {
  const events: SubscriberEvent[] = [];
  for await (const event of process.events()) events.push(event);
  return events;
}
