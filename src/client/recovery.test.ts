import { describe, expect, test } from 'vitest';
import { atEnd, CutProxy, countActive, startBinary, startInProcess, until, within } from '../../test/harness/index.js';
import { LocalFileSystem } from '../files/local/local-file-system.js';
import { LocalBackend } from '../process/local/local-backend.js';
import type { ExecBackend, ExecProcess, StartParams } from '../process/types.js';
import { MAX_PENDING_CALLS } from '../rpc/limits.js';
import { type ClientState, type ConnectOptions, ExecServerClient, processId, text, wait } from './index.js';

const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin' };

const shell = (script: string, more: object = {}) => ({
  processId: processId('p'),
  argv: ['sh', '-c', script] as const,
  cwd: '/',
  env: ENV,
  tty: false,
  ...more,
});

/** Local processes, with something that happens around the operation of that name, once. */
class Meddled implements ExecBackend {
  readonly local = new LocalBackend();
  starts = 0;
  latest: ExecProcess | undefined;
  meddle: { before?: () => unknown; after?: () => unknown } = {};
  readonly #method: string;

  constructor(method: string) {
    this.#method = method;
  }

  async start(params: StartParams): Promise<ExecProcess> {
    this.starts++;
    const process = await this.#around('start', () => this.local.start(params));
    this.latest = process;
    return new Proxy(process, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        const call = (...args: unknown[]) => Reflect.apply(value, target, args) as unknown;
        return name === this.#method ? (...args: unknown[]) => this.#around(name, () => call(...args)) : call;
      },
    });
  }

  environmentInfo() {
    return this.local.environmentInfo();
  }

  close() {
    return this.local.close();
  }

  async #around<T>(name: string, work: () => T): Promise<Awaited<T>> {
    const { before, after } = name === this.#method ? this.meddle : {};
    if (name === this.#method) this.meddle = {};
    await before?.();
    const result = await work();
    await after?.();
    return result;
  }
}

async function connected({
  processes,
  ...options
}: ConnectOptions & { processes?: ExecBackend; files?: LocalFileSystem } = {}) {
  const { files, ...connectOptions } = options;
  const server = await startInProcess({ processes, files });
  const proxy = await CutProxy.listen(server.url);
  const states: ClientState[] = [];
  const client = await ExecServerClient.connect(proxy, {
    onStateChange: (state) => states.push(state),
    ...connectOptions,
  });
  atEnd(() => client.close());
  return { server, proxy, client, states };
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`).join('');

test('output goes on across cuts, every byte once', async () => {
  const { proxy, client, states } = await connected();
  const script =
    'i=1; while [ $i -le 400 ]; do echo "line $i"; i=$((i+1)); [ $((i % 8)) = 0 ] && sleep 0.01; done; exit 0';
  const process = await client.processes.start(shell(script));
  let bytes = 0;
  for await (const event of process.events()) {
    if (event.type !== 'output') continue;
    const before = bytes;
    bytes += event.chunk.length;
    if (Math.floor(before / 800) < Math.floor(bytes / 800)) proxy.cutAll();
  }
  expect(await text(process)).toMatchObject({ stdout: lines(1, 400), exitCode: 0, incomplete: false });
  expect(states.filter(({ status }) => status === 'recovering').length).toBeGreaterThan(2);
});

test('what happened during a cut comes afterwards, the end included', async () => {
  const { proxy, client } = await connected();
  const process = await client.processes.start(shell('read x; echo during; sleep 0.1; exit 4', { pipeStdin: true }));
  proxy.refuseNew = true;
  await process.write(Buffer.from('go\n'));
  proxy.cutAll();
  await new Promise((resolve) => setTimeout(resolve, 300));
  proxy.refuseNew = false;
  expect(await text(process)).toMatchObject({ stdout: 'during\n', exitCode: 4, incomplete: false });
});

test('what retention dropped during a cut is an explicit gap', async () => {
  const processes = new Meddled('write');
  const { proxy, client } = await connected({ processes });
  const script = 'echo first; read x; head -c 3000000 /dev/zero; exit 6';
  const process = await client.processes.start(shell(script, { pipeStdin: true }));
  const events = process.events({ holdBack: true });
  expect(await events.next()).toMatchObject({ value: { type: 'output', seq: 1 } });
  processes.meddle.after = async () => {
    proxy.refuseNew = true;
    proxy.cutAll();
    await processes.latest?.ended();
    proxy.refuseNew = false;
  };
  await process.write(Buffer.from('go\n'));
  const seen = [];
  let next = 2;
  for await (const event of events) {
    if (event.type === 'failed') throw event.error;
    expect(event.type === 'gap' ? event.fromSeq : event.seq).toBe(next);
    next = (event.type === 'gap' ? event.toSeq : event.seq) + 1;
    seen.push(event.type);
  }
  expect(seen[0]).toBe('gap');
  expect(seen.filter((type) => type === 'gap')).toHaveLength(1);
  expect(seen.filter((type) => type === 'output').length).toBeGreaterThan(0);
  expect(seen.slice(-2)).toEqual(['exited', 'closed']);
  expect(process.info()).toMatchObject({ exitCode: 6 });
  expect(await text(process)).toMatchObject({ incomplete: true });
});

describe('a cut during process/start', () => {
  test('after the process has started: it is adopted', async () => {
    const processes = new Meddled('start');
    const { proxy, client } = await connected({ processes });
    processes.meddle.after = () => proxy.cutAll();
    const process = await client.processes.start(shell('echo here; exit 2'));
    expect(await text(process)).toMatchObject({ stdout: 'here\n', exitCode: 2 });
    expect(processes.starts).toBe(1);
  });

  test('while it is starting: it is waited for', async () => {
    const processes = new Meddled('start');
    const { proxy, client } = await connected({ processes });
    processes.meddle.before = async () => {
      proxy.cutAll();
      await new Promise((resolve) => setTimeout(resolve, 200));
    };
    const process = await client.processes.start(shell('echo here; exit 2'));
    expect(await text(process)).toMatchObject({ stdout: 'here\n', exitCode: 2 });
    expect(processes.starts).toBe(1);
  });

  test('before the request has got there: it is started again', async () => {
    const processes = new Meddled('start');
    const { proxy, client } = await connected({ processes });
    proxy.stall();
    const starting = client.processes.start(shell('echo here; exit 2'));
    proxy.cutAll();
    expect(await text(await starting)).toMatchObject({ stdout: 'here\n', exitCode: 2 });
    expect(processes.starts).toBe(1);
  });

  test('and the start was refused: it is refused again', async () => {
    const processes = new Meddled('start');
    const { proxy, client } = await connected({ processes });
    processes.meddle.before = () => proxy.cutAll();
    const argv = ['/no/such/program'] as const;
    await expect(client.processes.start({ ...shell(''), argv })).rejects.toMatchObject({ kind: 'spawn_failed' });
    expect(processes.starts).toBe(2);
  });
});

test('writes in flight at a cut arrive once and in order', async () => {
  const processes = new Meddled('write');
  const { proxy, client } = await connected({ processes });
  const process = await client.processes.start(shell('cat', { pipeStdin: true }));
  for (const [at, when] of (['after', 'before', 'after'] as const).entries()) {
    processes.meddle[when] = () => proxy.cutAll();
    await Promise.all(['a', 'b', 'c', 'd'].map((letter) => process.write(Buffer.from(`${letter}${at} `))));
  }
  await process.closeStdin();
  expect(await text(process)).toMatchObject({ stdout: 'a0 b0 c0 d0 a1 b1 c1 d1 a2 b2 c2 d2 ', incomplete: false });
});

test('a cut during process/terminate does not keep it from happening', async () => {
  const processes = new Meddled('terminate');
  const { proxy, client } = await connected({ processes });
  for (const when of ['before', 'after'] as const) {
    const process = await client.processes.start(shell('sleep 60', { processId: processId(when) }));
    processes.meddle[when] = () => proxy.cutAll();
    await process.terminate();
    expect(await wait(process)).toEqual({ exitCode: 137, signal: 'SIGKILL' });
  }
});

test('a cut during process/read and its like: they are asked again', async () => {
  const { proxy, client } = await connected();
  const process = await client.processes.start(shell('read x; echo $x', { pipeStdin: true }));
  const read = client.call('process/read', { processId: 'p', waitMs: 20_000 });
  proxy.cutAll();
  await process.write(Buffer.from('late\n'));
  expect((await read).chunks).toHaveLength(1);
  proxy.stall();
  const info = client.call('environment/info', {});
  const metadata = client.files.getMetadata('/');
  proxy.cutAll();
  expect((await info).shell.path).toMatch(/^\//);
  expect((await metadata).isDirectory).toBe(true);
});

test('a change of files in flight at a cut fails and says that it may have happened; one made meanwhile waits', async () => {
  const files = new LocalFileSystem();
  const { proxy, client } = await connected({ files });
  const made: string[] = [];
  files.createDirectory = (path) => {
    made.push(path);
    proxy.cutAll();
    return Promise.resolve();
  };
  await expect(client.files.createDirectory('/first')).rejects.toMatchObject({
    code: 'connection_closed',
    retryable: true,
    mayHaveExecuted: true,
  });
  expect(client.state.status).toBe('recovering');
  files.createDirectory = (path) => {
    made.push(path);
    return Promise.resolve();
  };
  await client.files.createDirectory('/second');
  expect(made).toEqual(['/first', '/second']);
});

test('a cut during initialize, a silent server and a refused dial are tried again', async () => {
  const { proxy, client, states } = await connected({ connectTimeoutMs: 200 });
  const process = await client.processes.start(shell('read x; echo $x', { pipeStdin: true }));
  proxy.stallNew = true;
  proxy.cutAll();
  await until(() => proxy.acceptedCount === 2);
  proxy.cutAll(); // in the middle of the handshake
  await until(() => proxy.acceptedCount === 3);
  await until(() => proxy.acceptedCount === 4); // the third attempt was left without an answer
  proxy.refuseNew = true;
  proxy.cutAll();
  await until(() => states.some((state) => state.status === 'recovering' && state.attempt === 5));
  Object.assign(proxy, { refuseNew: false, stallNew: false });
  await process.write(Buffer.from('still here\n'));
  expect(await text(process)).toMatchObject({ stdout: 'still here\n' });
  const attempts = states.flatMap((state) => (state.status === 'recovering' ? [state.attempt] : []));
  expect(attempts).toEqual(Array.from(attempts, (_, i) => i));
});

test('a half-open connection is noticed by the missing pong, and its session taken over', async () => {
  const server = await startInProcess();
  const proxy = await CutProxy.listen(server.url);
  const keepAlive = { pingIntervalMs: 50, deadAfterMs: 150 };
  const reasons: string[] = [];
  const client = await ExecServerClient.connect(
    { url: proxy.url, keepAlive },
    { onStateChange: (state) => state.status === 'recovering' && reasons.push(state.reason) },
  );
  atEnd(() => client.close());
  const process = await client.processes.start(shell('read x; echo $x', { pipeStdin: true }));
  proxy.stall();
  await process.write(Buffer.from('on\n'));
  expect(await text(process)).toMatchObject({ stdout: 'on\n' });
  expect(reasons[0]).toMatch(/no pong/);
});

test('a restarted server does not know the session: everything fails at once, and nothing is left', async () => {
  const server = await startInProcess();
  const proxy = await CutProxy.listen(server.url);
  const client = await ExecServerClient.connect(proxy);
  atEnd(() => client.close());
  const process = await client.processes.start(shell('sleep 60', { pipeStdin: true }));
  const events = process.events();
  proxy.refuseNew = true;
  proxy.cutAll();
  await until(() => client.state.status === 'recovering');
  const waiting = client.files.readFile('/etc/hostname');
  const port = Number(new URL(server.url).port);
  await server.close();
  await startInProcess({ listen: `ws://127.0.0.1:${port}` });
  proxy.refuseNew = false;
  const lost = { name: 'SessionLostError', code: 'session_lost', retryable: false, mayHaveExecuted: false };
  await expect(waiting).rejects.toMatchObject(lost);
  const last = await within(lastOf(events), 1_000, 'the end of the events');
  expect(last).toMatchObject({ type: 'failed', error: lost });
  const refusals = await Promise.all(
    [
      process.write(Buffer.from('x')),
      process.terminate(),
      client.processes.start(shell('true')),
      client.call('environment/info', {}),
    ].map((promise) => promise.catch((error: unknown) => error)),
  );
  for (const refusal of refusals) expect(refusal).toBe(refusals[0]);
  await expect(wait(process)).rejects.toMatchObject(lost);
  expect(process.info()).toMatchObject({ running: false, exitCode: null, signal: null });
});

test('a server that says that it is shutting down is not waited for', async () => {
  const server = await startInProcess();
  const client = await ExecServerClient.connect(server);
  atEnd(() => client.close());
  const process = await client.processes.start(shell('sleep 60'));
  await server.close();
  expect(await wait(process)).toEqual({ exitCode: 143, signal: 'SIGTERM' });
  await until(() => client.state.status === 'failed');
  await expect(client.call('environment/info', {})).rejects.toThrow(/session lost: the server is shutting down/);
});

test('a server that was killed is given up at the deadline, and no timer stays', async () => {
  const server = await startBinary();
  const timersBefore = countActive('Timeout');
  const client = await ExecServerClient.connect(server, { recovery: { deadlineMs: 400 } });
  const process = await client.processes.start(shell('sleep 60'));
  const pending = client.call('process/read', { processId: 'p', waitMs: 60_000 }).catch((error: unknown) => error);
  const changing = client.call('process/read', { processId: 'p', waitMs: 60_000 }, { timeoutMs: 60_000 });
  const startedAt = performance.now();
  server.kill('SIGKILL');
  const failure = await pending;
  await expect(changing).rejects.toMatchObject({ code: 'connection_closed' });
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(failure).toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
  expect(String(failure)).toMatch(/could not be re-established within 0.4 s.*ECONNREFUSED/);
  expect(client.state).toMatchObject({ status: 'failed' });
  await expect(wait(process)).rejects.toMatchObject({ code: 'connection_closed' });
  expect(countActive('Timeout')).toBe(timersBefore);
});

test('without recovery a cut is the end', async () => {
  const { proxy, client, states } = await connected({ recovery: false });
  const process = await client.processes.start(shell('sleep 60'));
  const pending = client.call('process/read', { processId: 'p', waitMs: 60_000 });
  proxy.cutAll();
  await expect(pending).rejects.toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
  await expect(wait(process)).rejects.toMatchObject({ code: 'connection_closed' });
  await expect(client.call('environment/info', {})).rejects.toMatchObject({ mayHaveExecuted: false });
  expect(states.map(({ status }) => status)).toEqual(['connected', 'failed']);
});

test('closing during recovery ends it', async () => {
  const { proxy, client, states } = await connected();
  const process = await client.processes.start(shell('sleep 60'));
  proxy.refuseNew = true;
  proxy.cutAll();
  await until(() => client.state.status === 'recovering');
  const waiting = client.call('environment/info', {});
  await Promise.all([client.close(), expect(waiting).rejects.toMatchObject({ code: 'connection_closed' })]);
  await expect(wait(process)).rejects.toMatchObject({ code: 'connection_closed' });
  expect(states.at(-1)).toMatchObject({ status: 'closed' });
});

test('a call made during recovery can be given up', async () => {
  const { proxy, client } = await connected();
  proxy.refuseNew = true;
  proxy.cutAll();
  await until(() => client.state.status === 'recovering');
  const controller = new AbortController();
  const aborted = client.call('environment/info', {}, { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  await expect(client.call('environment/info', {}, { timeoutMs: 20 })).rejects.toMatchObject({
    code: 'timeout',
    mayHaveExecuted: false,
  });
});

test('only so many calls wait for a connection; one that ends a process still finds a place', async () => {
  const { proxy, client } = await connected();
  const process = await client.processes.start(shell('sleep 60'));
  proxy.refuseNew = true;
  proxy.cutAll();
  await until(() => client.state.status === 'recovering');
  const waiting = Array.from({ length: MAX_PENDING_CALLS }, () => client.call('environment/status', {}));
  await expect(client.call('environment/status', {})).rejects.toMatchObject({ code: 'too_many_calls' });
  const terminating = process.terminate();
  proxy.refuseNew = false;
  expect(await terminating).toEqual({ running: true });
  expect(await Promise.all(waiting)).toHaveLength(MAX_PENDING_CALLS);
});

test('a start that is given up before it was sent ends no process that has the same id', async () => {
  const { server, proxy, client } = await connected();
  const other = await ExecServerClient.connect(server);
  await other.processes.start(shell('sleep 60'));
  await other.close();
  const again = await ExecServerClient.connect(proxy, { resumeSessionId: other.sessionId });
  atEnd(() => again.close({ terminateProcesses: true }));
  expect(again.sessionId).not.toBe(client.sessionId);
  proxy.refuseNew = true;
  proxy.cutAll();
  await until(() => again.state.status === 'recovering');
  await expect(again.processes.start(shell('true'), { timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
  await expect(again.processes.start(shell('true'), { signal: AbortSignal.abort() })).rejects.toThrow();
  proxy.refuseNew = false;
  expect((await again.processes.adopt(processId('p'))).info()).toMatchObject({ running: true });
});

test('nothing of a connection that was cut, or of its processes, is left behind', async () => {
  const server = await startInProcess();
  const proxy = await CutProxy.listen(server.url);
  const before = { timers: countActive('Timeout'), sockets: countActive('TCPSocketWrap') };
  const client = await ExecServerClient.connect(proxy);
  for (let i = 0; i < 5; i++) {
    const process = await client.processes.start(
      shell('read x; echo $x', { pipeStdin: true, processId: processId(`${i}`) }),
    );
    proxy.cutAll();
    await process.write(Buffer.from('x\n'));
    await wait(process);
  }
  await client.close();
  await until(() => proxy.connectionCount === 0);
  await until(() => countActive('TCPSocketWrap') === before.sockets);
  expect(countActive('Timeout')).toBeLessThanOrEqual(before.timers);
});

test('a session that somebody else has taken over is not fought for', async () => {
  const { server, proxy, client } = await connected();
  const process = await client.processes.start(shell('sleep 60'));
  proxy.stall(); // our side does not answer the ping with which the server checks whether we live
  const other = await ExecServerClient.connect(server, { resumeSessionId: client.sessionId });
  atEnd(() => other.close({ terminateProcesses: true }));
  proxy.resume();
  await expect(wait(process)).rejects.toMatchObject({ code: 'session_lost' });
  expect((await other.processes.adopt(processId('p'))).info()).toMatchObject({ running: true });
});

test('one that finds its session held by a second client when it comes back gives up at its deadline, and says so', async () => {
  const { server, proxy, client } = await connected({ recovery: { deadlineMs: 2_000 } });
  const process = await client.processes.start(shell('read x; echo $x', { pipeStdin: true }));
  proxy.refuseNew = true;
  proxy.cutAll();
  await until(() => client.state.status === 'recovering');
  const other = await ExecServerClient.connect(server, { resumeSessionId: client.sessionId });
  atEnd(() => other.close({ terminateProcesses: true }));
  proxy.refuseNew = false;
  await expect(wait(process)).rejects.toMatchObject({ code: 'connection_closed' });
  expect(client.state).toMatchObject({ status: 'failed', reason: expect.stringContaining('already attached') });
  const adopted = await other.processes.adopt(processId('p'));
  await adopted.write(Buffer.from('undisturbed\n'));
  expect(await text(adopted)).toMatchObject({ stdout: 'undisturbed\n', incomplete: false });
});

test('a spawned program that dies is not come back to, and its last words are the reason', async () => {
  const args = [
    '-c',
    `trap 'echo I was told to stop >&2; exit 9' TERM; echo '{"id":1,"result":{"sessionId":"s"}}'; while :; do sleep 0.05; done`,
  ];
  const heard: string[] = [];
  const client = await ExecServerClient.connect({
    program: 'sh',
    args: ['-c', `(sleep 0.3; kill $$) & ${args[1]}`],
    onStderr: (t) => heard.push(t),
  });
  const pending = client.call('process/read', { processId: 'p' });
  await expect(pending).rejects.toThrow(/the program exited with code 9; the end of its stderr: I was told to stop/);
  expect(client.state).toMatchObject({ status: 'failed' });
  expect(heard.join('')).toBe('I was told to stop\n');
  await client.close();
});

async function lastOf<T>(events: AsyncIterable<T>): Promise<T | undefined> {
  let last: T | undefined;
  for await (const event of events) last = event;
  return last;
}
