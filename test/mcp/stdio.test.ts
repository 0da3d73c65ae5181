import { expect, test } from 'vitest';
import { type Environment, LocalEnvironment, RemoteEnvironment } from '../../src/environment/index.js';
import { connectServer, type McpConnectOptions } from '../../src/mcp/connect.js';
import { McpUnavailableError } from '../../src/mcp/errors.js';
import { MAIN } from '../cli/command-line.js';
import {
  atEnd,
  CutProxy,
  childrenOf,
  countActive,
  countDescriptors,
  isAlive,
  scratchDirectory,
  startInProcess,
  until,
  within,
} from '../harness/index.js';
import { scripted } from './servers.js';

function local(): Environment {
  const environment = new LocalEnvironment();
  atEnd(() => environment.close());
  return environment;
}

function remote(
  where: { url: string } | { program: string; args: string[]; env?: Record<string, string> },
): Environment {
  const environment = new RemoteEnvironment({ id: 'far', ...where });
  atEnd(() => environment.close());
  return environment;
}

const ownProgram = { program: process.execPath, args: [MAIN, 'serve', '--listen', 'stdio', '--log-level', 'warn'] };

async function connect(place: Environment, body = '', options: McpConnectOptions & { cwd?: string } = {}) {
  const client = await connectServer({ ...scripted('scripted', body), cwd: options.cwd }, place, options);
  atEnd(() => client.close());
  return client;
}

async function call(client: Awaited<ReturnType<typeof connect>>, name: string, args: Record<string, unknown> = {}) {
  const { content } = await client.callTool({ name, arguments: args });
  return (content as { text: string }[])[0]?.text;
}

test.each([
  1, 3, 1000,
])('a message of many bytes per character arrives whole, whatever the chunks (%i bytes)', async (size) => {
  const client = await connect(
    local(),
    `tools.cut = async () => {
       const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message',
         params: { level: 'info', data: '𝄞é€'.repeat(20) } }) + '\\n');
       for (let at = 0; at < bytes.length; at += ${size}) {
         process.stdout.write(bytes.subarray(at, at + ${size}));
         await new Promise(setImmediate);
       }
       return text('𝄞');
     }`,
  );
  const heard: unknown[] = [];
  client.setNotificationHandler('notifications/message', ({ params }) => void heard.push(params.data));
  expect(await call(client, 'cut')).toBe('𝄞');
  expect(heard).toEqual(['𝄞é€'.repeat(20)]);
});

test('a message of just under 8 MiB passes, a longer one closes the transport and says why', async () => {
  const client = await connect(local(), `tools.big = ({ bytes }) => text('x'.repeat(bytes))`);
  expect(await call(client, 'big', { bytes: 8 * 1024 * 1024 - 200 })).toHaveLength(8 * 1024 * 1024 - 200);
  const closed = new Promise<void>((resolve) => {
    client.onclose = resolve;
  });
  await expect(call(client, 'big', { bytes: 8 * 1024 * 1024 })).rejects.toThrow(
    'wrote a message of more than 8388608 bytes',
  );
  await closed;
});

test('messages that are sent at once arrive whole and in order, however large', async () => {
  const client = await connect(
    remote(ownProgram),
    `let n = 0; tools.order = ({ pad }) => text(n++ + ':' + pad.length)`,
  );
  const sizes = [3_000_000, 1, 2_000_000, 10, 1_500_000];
  const answers = await Promise.all(sizes.map((size) => call(client, 'order', { pad: 'é'.repeat(size) })));
  expect(answers).toEqual(sizes.map((size, n) => `${n}:${size}`));
});

test('progress that comes in one piece with the answer is not lost', async () => {
  const body = `methods['tools/call'] = ({ _meta: { progressToken } }) => {
    const step = (progress) => JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress } });
    const answer = JSON.stringify({ jsonrpc: '2.0', id: progressToken, result: text('ok') });
    process.stdout.write([step(1), step(2), answer, ''].join('\\n'));
  }`;
  const client = await connect(local(), body);
  const steps: number[] = [];
  await client.callTool({ name: 'x', arguments: {} }, { onprogress: ({ progress }) => void steps.push(progress) });
  expect(steps).toEqual([1, 2]);
});

test('stderr comes line by line, and what is no message on stdout is reported and passed over', async () => {
  const lines: string[] = [];
  const errors: string[] = [];
  const configure: McpConnectOptions['configure'] = (client) => {
    client.onerror = (error) => void errors.push(error.message);
  };
  const client = await connect(
    local(),
    `tools.noise = () => { console.error('one\\ntwo é'); console.log('hello'); return text('ok') }`,
    { onStderr: (line) => void lines.push(line), configure },
  );
  expect(await call(client, 'noise')).toBe('ok');
  await until(() => lines.length === 2);
  expect(lines).toEqual(['one', 'two é']);
  expect(errors).toEqual([expect.stringContaining('wrote a line that is not a message')]);
});

test('a server that dies fails the open calls with how it ended and its last words', async () => {
  const client = await connect(local(), `tools.die = () => { console.error('out of luck'); process.exit(7) }`);
  await expect(call(client, 'die')).rejects.toThrow('`scripted` ended with exit code 7; its last words: out of luck');
});

test('a server that has died while its child holds its output fails the open calls too', async () => {
  const client = await connect(
    local(),
    `tools.die = () => {
       require('node:child_process').spawn('sleep', ['60'], { stdio: 'inherit' });
       process.kill(process.pid, 'SIGKILL');
     }`,
  );
  await expect(call(client, 'die')).rejects.toThrow('ended with SIGKILL');
});

test('a program that does not exist and one that is no server are told apart', async () => {
  const place = local();
  await expect(connectServer({ name: 'a', command: 'no-such-program-here' }, place)).rejects.toThrow(
    /No such file|not found/,
  );
  await expect(connectServer({ name: 'b', command: 'false' }, place)).rejects.toThrow('`b` ended with exit code 1');
  const silent = connectServer(
    { name: 'c', command: 'tail', args: ['-f', '/dev/null'], startup_timeout_sec: 0.2 },
    place,
  );
  await expect(silent).rejects.toThrow(McpUnavailableError);
});

test('closing kills a server that ignores the end of its input and TERM, with its children', async () => {
  const client = await connect(
    remote(ownProgram),
    `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);
     const child = require('node:child_process').spawn('sh', ['-c', "trap '' TERM; sleep 60 & wait; sleep 60"]);
     tools.child = () => text(String(child.pid))`,
  );
  const pids = [Number(await call(client, 'pid')), Number(await call(client, 'child'))];
  expect(pids.map(isAlive)).toEqual([true, true]);
  await within(client.close(), 5_000, 'the end of a server that will not go');
  expect(pids.map(isAlive)).toEqual([false, false]);
});

test('a remote server inherits from the executor; only what is named comes from here', async () => {
  process.env.MCP_TEST_OURS = 'ours';
  process.env.MCP_TEST_THEIRS = 'not to be taken from here';
  atEnd(() => {
    delete process.env.MCP_TEST_OURS;
    delete process.env.MCP_TEST_THEIRS;
  });
  const far = { PATH: process.env.PATH ?? '', HOME: '/far', MCP_TEST_THEIRS: 'theirs', MCP_TEST_OTHER: 'other' };
  const place = remote({ ...ownProgram, env: { ...far, MCP_TEST_OURS: '' } });
  const directory = scratchDirectory();
  const server = {
    ...scripted('scripted', ''),
    env: { GIVEN: 'given' },
    env_vars: ['MCP_TEST_OURS', 'MCP_TEST_NOWHERE', { name: 'MCP_TEST_THEIRS', source: 'remote' as const }],
    cwd: directory,
  };
  await using client = await connectServer(server, place).then((client) =>
    Object.assign(client, { [Symbol.asyncDispose]: () => client.close() }),
  );
  const names = ['HOME', 'MCP_TEST_OURS', 'MCP_TEST_NOWHERE', 'MCP_TEST_THEIRS', 'MCP_TEST_OTHER', 'GIVEN'];
  const values = await Promise.all(names.map((name) => call(client, 'env', { name })));
  expect(values).toEqual(['/far', 'ours', 'undefined', 'theirs', 'undefined', 'given']);
  expect(await call(client, 'cwd')).toBe(directory);
});

test('with recovery, a call goes on across a cut of the connection', async () => {
  const { url } = await startInProcess();
  const proxy = await CutProxy.listen(url);
  const client = await connect(
    remote({ url: proxy.url }),
    `tools.slow = () => { send({ method: 'notifications/message', params: { level: 'info', data: 'begun' } });
       return new Promise((resolve) => setTimeout(() => resolve(text('done')), 300)) }`,
  );
  const begun = new Promise<void>((resolve) => {
    client.setNotificationHandler('notifications/message', () => resolve());
  });
  const answer = call(client, 'slow');
  await begun;
  proxy.cutAll();
  expect(await answer).toBe('done');
  expect(proxy.acceptedCount).toBeGreaterThan(1);
});

test('without recovery, a call fails with the reason and the transport closes', async () => {
  const place = remote(ownProgram);
  const client = await connect(place, `tools.kill = () => { process.kill(process.ppid, 'SIGKILL'); return undefined }`);
  const closed = new Promise<void>((resolve) => {
    client.onclose = resolve;
  });
  await expect(call(client, 'kill')).rejects.toThrow(/session lost|can no longer be followed|connection/);
  await closed;
});

test('without recovery, a call over a network connection that is cut fails with the reason', async () => {
  const { url } = await startInProcess({ sessionTtlMs: 0 });
  const proxy = await CutProxy.listen(url);
  const client = await connect(remote({ url: proxy.url }), `tools.hang = () => { console.error('hanging') }`, {
    onStderr: () => proxy.cutAll(),
  });
  const failure = call(client, 'hang').catch((error: unknown) => error);
  expect(await failure).toMatchObject({
    code: -32_000,
    message: expect.stringMatching(/^exec-server session lost: /),
    data: { kind: 'mcp_server_closed', mayHaveExecuted: true },
  });
});

test.each([
  ['this machine', async () => local()],
  ['our server', async () => remote({ url: (await startInProcess()).url })],
])('50 servers on %s, one after the other, leave no process, descriptor or listener', async (_where, open) => {
  const warnings: Error[] = [];
  const warn = (warning: Error) => void warnings.push(warning);
  process.on('warning', warn);
  atEnd(() => process.off('warning', warn));
  const place = await open();
  const cycle = async () => {
    const client = await connectServer({ name: 'tiny', command: 'sh', args: ['-c', TINY] }, place);
    await client.close();
  };
  const listeners = () => process.eventNames().map((name) => [name, process.listenerCount(name)]);
  const counts = () => [countDescriptors(), ...['ProcessWrap', 'TCPSocketWrap', 'Timeout'].map(countActive)];
  await cycle();
  const [children, heard, before] = [childrenOf(), listeners(), counts()];
  for (let n = 0; n < 50; n += 1) await cycle();
  await until(() => counts().every((count, n) => count <= (before[n] ?? 0)), { what: `${before} or less` });
  // One of an earlier test may have gone meanwhile.
  expect(childrenOf().filter((pid) => !children.includes(pid))).toEqual([]);
  expect(listeners()).toEqual(heard);
  // Node warns of an emitter, of ours or of its own, to which ever more listeners are added.
  expect(warnings).toEqual([]);
});

/** An MCP server in shell: answers `initialize`, then reads to the end. */
const TINY = `read -r line; id=$(printf %s "$line" | sed 's/.*"id":\\([0-9]*\\).*/\\1/')
printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"t","version":"1"}}}\\n' "$id"
exec cat >/dev/null`;
