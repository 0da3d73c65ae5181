import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { atEnd, listenForChannels, startInProcess } from '../../test/harness/index.js';
import { type ConnectOptions, type ConnectTarget, ExecServerClient, kill, processId, text, wait } from './index.js';

const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin' };

async function connect(target: ConnectTarget, options?: ConnectOptions): Promise<ExecServerClient> {
  const client = await ExecServerClient.connect(target, options);
  atEnd(() => client.close());
  return client;
}

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'client-test-'));
  atEnd(() => rm(directory, { recursive: true }));
  return directory;
}

const shell = (script: string, more: object = {}) => ({
  processId: processId('p'),
  argv: ['sh', '-c', script] as const,
  cwd: '/',
  env: ENV,
  tty: false,
  ...more,
});

describe.each(['websocket', 'unix socket'])('over a %s', (kind) => {
  async function connected(): Promise<ExecServerClient> {
    const listen = kind === 'websocket' ? 'ws://127.0.0.1:0' : `unix://${await scratch()}/socket`;
    const { url } = await startInProcess({ listen });
    return connect({ url });
  }

  test('starts, writes, ends the input, and gathers what came', async () => {
    const client = await connected();
    const process = await client.processes.start(shell('cat; echo oops >&2; exit 3', { pipeStdin: true }));
    expect(await process.write(Buffer.from('hello '))).toBe('accepted');
    expect(await process.write(Buffer.from('world'))).toBe('accepted');
    await process.closeStdin();
    expect(await text(process)).toEqual({
      stdout: 'hello world',
      stderr: 'oops\n',
      pty: '',
      exitCode: 3,
      signal: null,
      incomplete: false,
    });
    expect(await wait(process)).toEqual({ exitCode: 3, signal: null });
  });

  test('a terminal has the size that was asked for, changes it, and is interrupted', async () => {
    const client = await connected();
    const script = 'stty size; trap "stty size; exit 5" INT; echo ready; while :; do sleep 0.05; done';
    const process = await client.processes.start(shell(script, { tty: true, size: { cols: 100, rows: 30 } }));
    const events = process.events();
    for await (const event of events) if (event.type === 'output' && event.chunk.includes('ready')) break;
    await process.resize({ cols: 120, rows: 40 });
    await process.signal('interrupt');
    const { pty, exitCode } = await text(process);
    expect(pty).toContain('30 100');
    expect(pty).toContain('40 120');
    expect(exitCode).toBe(5);
  });

  test('files are written, listed, copied, read and removed', async () => {
    const { files } = await connected();
    const directory = await scratch();
    await files.createDirectory(`${directory}/a/b`);
    await files.writeFile(`${directory}/a/one`, Buffer.from([0, 255, 10]));
    await files.copy(`${directory}/a`, `${directory}/c`, { recursive: true });
    expect(await files.readFile(`${directory}/c/one`)).toEqual(Buffer.from([0, 255, 10]));
    expect(await files.getMetadata(`${directory}/c/one`)).toMatchObject({ isFile: true, isDirectory: false, size: 3 });
    const entries = await files.readDirectory(`${directory}/c`);
    expect(entries.map(({ fileName }) => fileName).sort()).toEqual(['b', 'one']);
    await files.remove(`${directory}/c`);
    await expect(files.readFile(`${directory}/c/one`)).rejects.toMatchObject({ name: 'WireError', code: -32004 });
  });
});

test('the answer of the server to a start that fails is what the start rejects with, and the id is free again', async () => {
  const client = await connect(await startInProcess());
  const start = (argv: readonly [string]) => client.processes.start({ ...shell(''), argv });
  await expect(start(['/no/such/program'])).rejects.toMatchObject({ name: 'WireError', kind: 'spawn_failed' });
  expect(await wait(await start(['true']))).toEqual({ exitCode: 0, signal: null });
});

test('a process that is killed tells its signal', async () => {
  const client = await connect(await startInProcess());
  const sleeping = shell('sleep 60');
  expect(await kill(await client.processes.start(sleeping))).toEqual({ exitCode: 137, signal: 'SIGKILL' });
  const gentle = await client.processes.start({ ...sleeping, processId: processId('q') });
  expect(await kill(gentle, { graceMs: 10_000 })).toEqual({ exitCode: 143, signal: 'SIGTERM' });
});

test('a late subscriber gets what is retained, and a read sees the same', async () => {
  const client = await connect(await startInProcess());
  const process = await client.processes.start(shell('echo one; echo two >&2'));
  await process.ended();
  const types: string[] = [];
  for await (const event of process.events()) types.push(event.type);
  expect(types.filter((type) => type === 'output')).toHaveLength(2);
  expect(types.slice(-1)).toEqual(['closed']);
  const read = await process.read();
  expect(Buffer.concat(read.chunks.map(({ chunk }) => chunk)).toString()).toMatch(/one\n/);
  expect(read).toMatchObject({ exited: true, exitCode: 0, closed: true });
});

test('a second process by the id of one that is followed is refused', async () => {
  const client = await connect(await startInProcess());
  await client.processes.start(shell('sleep 60'));
  await expect(client.processes.start(shell('true'))).rejects.toMatchObject({ kind: 'process_exists' });
  await client.close({ terminateProcesses: true });
});

test('a start that is given up leaves no process behind', async () => {
  const client = await connect(await startInProcess());
  await expect(client.processes.start(shell('sleep 60'), { timeoutMs: 0 })).rejects.toMatchObject({ code: 'timeout' });
  await expect
    .poll(async () => (await client.call('process/list', {})).processes.map((p) => p.running))
    .not.toContain(true);
});

test('a session is come back to by its id, and a process in it adopted with all that it has said', async () => {
  const server = await startInProcess();
  const first = await connect(server);
  const started = await first.processes.start(shell('echo before; cat; echo after', { pipeStdin: true }));
  for await (const event of started.events()) if (event.type === 'output') break;
  await first.close();
  const second = await connect(server, { resumeSessionId: first.sessionId });
  expect(second.sessionId).toBe(first.sessionId);
  const adopted = await second.processes.adopt(processId('p'));
  expect(adopted.info()).toMatchObject({ argv: expect.arrayContaining(['sh', '-c']), running: true });
  await adopted.write(Buffer.from('between\n'));
  await adopted.closeStdin();
  expect(await text(adopted)).toMatchObject({ stdout: 'before\nbetween\nafter\n', exitCode: 0, incomplete: false });
});

test('adopting what retention has dropped in part begins with a gap', async () => {
  const server = await startInProcess();
  const first = await connect(server);
  const started = await first.processes.start(shell('head -c 3000000 /dev/zero; echo end'));
  await started.ended();
  await first.close();
  const second = await connect(server, { resumeSessionId: first.sessionId });
  const adopted = await second.processes.adopt(processId('p'));
  const seen: string[] = [];
  let next = 1;
  for await (const event of adopted.events()) {
    seen.push(event.type);
    if (event.type === 'failed') throw event.error;
    expect(event.type === 'gap' ? event.fromSeq : event.seq).toBe(next);
    next = event.type === 'gap' ? event.toSeq + 1 : event.seq + 1;
  }
  expect(seen[0]).toBe('gap');
  expect(seen.slice(-2)).toEqual(['exited', 'closed']);
});

test('adopting what is not there is refused', async () => {
  const client = await connect(await startInProcess());
  await expect(client.processes.adopt(processId('nope'))).rejects.toMatchObject({ kind: 'unknown_process' });
});

test('coming back to a session that is not there is refused', async () => {
  const server = await startInProcess();
  await expect(ExecServerClient.connect(server, { resumeSessionId: 'nope' })).rejects.toMatchObject({
    code: 'session_lost',
  });
});

test('paths go out in the dialect of the server, and odd ones are refused before they go', async () => {
  const client = await connect(await startInProcess());
  const { entries } = await client.call('fs/readDirectory', { path: 'file:///proc/self/' });
  expect(entries.map(({ fileName }) => fileName)).toContain('status');
  await expect(client.files.readFile('relative')).rejects.toMatchObject({ name: 'WireError', code: -32602 });
});

test('a call ends when its signal aborts or its time is up, and the connection lives', async () => {
  const client = await connect(await startInProcess());
  await client.processes.start(shell('sleep 60'));
  const params = { processId: 'p', waitMs: 60_000 };
  const controller = new AbortController();
  const aborted = client.call('process/read', params, { signal: controller.signal });
  controller.abort(new Error('no longer wanted'));
  await expect(aborted).rejects.toThrow('no longer wanted');
  await expect(client.call('process/read', params, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
  expect(await client.call('environment/status', {})).toEqual({ status: 'ready' });
  await client.close({ terminateProcesses: true });
});

describe('closing', () => {
  test('is done once, whoever asks', async () => {
    const client = await connect(await startInProcess());
    const closing = client.close();
    expect(client.close()).toBe(closing);
    await closing;
    await client.close();
    expect(client.state).toMatchObject({ status: 'closed' });
  });

  test('ends calls and event streams, and refuses what comes after, for one and the same reason', async () => {
    const states: string[] = [];
    const client = await connect(await startInProcess(), { onStateChange: ({ status }) => states.push(status) });
    const process = await client.processes.start(shell('sleep 60'));
    const pending = client.call('process/read', { processId: 'p', waitMs: 60_000 });
    const events = process.events();
    const next = events.next();
    await Promise.all([
      client.close(),
      expect(pending).rejects.toMatchObject({ code: 'connection_closed', mayHaveExecuted: true }),
    ]);
    const { value } = await next;
    expect(value).toMatchObject({ type: 'failed', error: { code: 'connection_closed' } });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    const [one, two] = await Promise.all([
      client.call('environment/status', {}).catch((error: unknown) => error),
      client.processes.start(shell('true')).catch((error: unknown) => error),
    ]);
    expect(one).toBe(two);
    expect(value?.type === 'failed' && value.error).toBe(one);
    expect(one).toMatchObject({ mayHaveExecuted: false });
    expect(states).toEqual(['connected', 'closed']);
  });

  test('ends the processes first when asked to', async () => {
    const server = await startInProcess();
    const client = await connect(server);
    const process = await client.processes.start(shell('echo $$; sleep 60'));
    await client.close({ terminateProcesses: true });
    expect(process.info()).toMatchObject({ running: false, signal: 'SIGKILL', closed: true });
  });

  test('ends one that is only being started, too', async () => {
    const client = await connect(await startInProcess());
    const starting = client.processes.start(shell('sleep 60'));
    await client.close({ terminateProcesses: true });
    expect((await starting).info()).toMatchObject({ running: false, signal: 'SIGKILL', closed: true });
  });

  test('is not held up by a start that fails, which is told to whoever asked for it alone', async () => {
    const client = await connect(await startInProcess());
    const starting = client.processes.start({ ...shell(''), argv: ['/no/such/program'] });
    await Promise.all([client.processes.close(), expect(starting).rejects.toMatchObject({ kind: 'spawn_failed' })]);
    expect(await wait(await client.processes.start(shell('exit 3')))).toEqual({ exitCode: 3, signal: null });
  });
});

describe('connecting', () => {
  test('to a server that hangs up on `initialize` fails as closed, and says that it may have happened', async () => {
    const listener = await listenForChannels();
    const connecting = ExecServerClient.connect(listener).catch((error: unknown) => error);
    const server = await listener.accepted();
    await server.count(1);
    expect(server.messages[0]).toContain('"initialize"');
    server.channel.terminate('cut');
    expect(await connecting).toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
  });

  test('to a server that never answers `initialize` ends at the deadline, and its connection too', async () => {
    const listener = await listenForChannels();
    const connecting = ExecServerClient.connect(listener, { initializeTimeoutMs: 100 }).catch(
      (error: unknown) => error,
    );
    const server = await listener.accepted();
    expect(await connecting).toMatchObject({ code: 'timeout' });
    await server.closed;
  });

  test('is given up by its signal in the middle of the handshake', async () => {
    const listener = await listenForChannels();
    const controller = new AbortController();
    const options = { signal: controller.signal };
    const connecting = ExecServerClient.connect(listener, options).catch((error: unknown) => error);
    const server = await listener.accepted();
    await server.count(1);
    controller.abort(new Error('enough'));
    expect(await connecting).toMatchObject({ message: 'enough' });
    await server.closed;
  });
});

describe('a spawned program', () => {
  test('that does not exist, exits or is silent is a clear error', async () => {
    await expect(ExecServerClient.connect({ program: '/no/such/program' })).rejects.toThrow(/cannot start .*ENOENT/);
    const args = ['-c', 'echo it hurts >&2; exit 7'];
    await expect(ExecServerClient.connect({ program: 'sh', args })).rejects.toThrow(/exited with code 7.*it hurts/);
    await expect(
      ExecServerClient.connect({ program: 'sleep', args: ['60'] }, { initializeTimeoutMs: 100 }),
    ).rejects.toMatchObject({ code: 'timeout' });
  });
});
