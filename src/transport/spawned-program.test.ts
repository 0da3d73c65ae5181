import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { childrenOf, isAlive, until } from '../../test/harness/index.js';
import type { Channel, CloseInfo } from '../rpc/channel.js';
import { DialError } from './dial-error.js';
import { type ProgramOptions, spawnProgram } from './spawned-program.js';

async function shell(script: string, more: Partial<ProgramOptions> = {}) {
  const channel = await spawnProgram({ program: 'sh', args: ['-c', script], ...more });
  return { channel, ...listen(channel) };
}

function listen(channel: Channel) {
  const messages: string[] = [];
  let wake: () => void = () => undefined;
  const closed = new Promise<CloseInfo>((resolve) => {
    channel.start({
      message: (text) => {
        messages.push(text);
        wake();
      },
      unreadable: (reason) => messages.push(reason),
      closed: resolve,
    });
  });
  const message = async (text: string) => {
    while (!messages.includes(text)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { messages, closed, message };
}

test('carries one message per line in both directions, with the environment and directory that were given', async () => {
  const { channel, closed, messages, message } = await shell('pwd; echo "$GREETING"; cat; exit 0', {
    env: { GREETING: 'hello', PATH: '/usr/bin:/bin' },
    cwd: '/usr',
  });
  channel.send('{"a":"ä"}');
  await message('{"a":"ä"}');
  expect(messages).toEqual(['/usr', 'hello', '{"a":"ä"}']);
  channel.close(1000, 'done');
  expect(await closed).toEqual({ code: 1000, reason: 'done' });
});

test.each([
  ['exits', 'echo one >&2; echo two >&2; exit 3', /exited with code 3; the end of its stderr: one\ntwo$/],
  ['exits without a word', 'exit 0', /exited with code 0; nothing on stderr$/],
  ['is killed', 'kill -KILL $$', /was killed by SIGKILL/],
  ['closes its stdout', 'exec >&-; echo still here >&2; exec sleep 60', /closed its output .*still here/],
])('a program that %s ends the channel and says how', async (_how, script, expected) => {
  const heard: string[] = [];
  const { closed } = await shell(script, { onStderr: (text) => heard.push(text) });
  expect((await closed).reason).toMatch(expected);
  expect(heard.join('')).toBe(script.includes('one') ? 'one\ntwo\n' : script.includes('still') ? 'still here\n' : '');
});

test('quotes no more than the end of what was said on stderr', async () => {
  const { closed } = await shell('head -c 100000 /dev/zero | tr "\\0" x >&2; { echo; echo the end; } >&2; exit 1');
  const { reason } = await closed;
  expect(reason).toMatch(/xxx\nthe end$/);
  expect(reason.length).toBeLessThan(2_200);
});

test('closing ends its stdin, and waits for it', async () => {
  const { channel, closed } = await shell('cat >/dev/null; sleep 0.2; echo bye >&2');
  const [pid] = childrenOf();
  channel.close(1000, 'done');
  await closed;
  expect(pid !== undefined && isAlive(pid)).toBe(false);
});

test('closing ends one that ignores the end of its stdin with TERM, and one that ignores that too with KILL', async () => {
  const graces = { exitGraceMs: 100, termGraceMs: 100 };
  const polite = await shell(`trap 'echo told to >&2; exit' TERM; echo ready; while :; do sleep 0.02; done`, graces);
  await polite.message('ready');
  polite.channel.close(1000, 'done');
  await polite.closed;
  const stubborn = await shell(`trap '' TERM; echo ready; while :; do sleep 0.02; done`, graces);
  await stubborn.message('ready');
  stubborn.channel.close(1000, 'done');
  await stubborn.closed;
  expect(childrenOf()).toEqual([]);
});

test('what its leader has left behind in its group goes with it', async () => {
  const { channel, closed, messages } = await shell('sleep 60 & echo $!; exec cat');
  await until(() => messages.length === 1);
  const grandchild = Number(messages[0]);
  expect(isAlive(grandchild)).toBe(true);
  channel.close(1000, 'done');
  await closed;
  await until(() => !isAlive(grandchild));
});

test('terminating kills it at once', async () => {
  const { channel, closed, message } = await shell(`trap '' TERM; echo ready; while :; do sleep 0.02; done`);
  await message('ready');
  channel.terminate('enough');
  expect(await closed).toEqual({ reason: 'enough' });
  expect(childrenOf()).toEqual([]);
});

test('a program that cannot be started is an error that names it', async () => {
  await expect(spawnProgram({ program: '/no/such' })).rejects.toThrow(/^cannot start `\/no\/such`: .*ENOENT/);
  await expect(spawnProgram({ program: 'true', cwd: '/no/such' })).rejects.toThrow(/cannot start `true`/);
  await expect(spawnProgram({ program: 'a\0b' })).rejects.toThrow(/cannot start/);
});

test.each<[string, ProgramOptions]>([
  ['does not exist', { program: '/no/such', args: ['--token', 'hush'] }],
  ['gets an argument that no program can have', { program: 'true', args: ['--token', 'hush\0'] }],
  ['gets a variable that no program can have', { program: 'true', env: { TOKEN: 'hush\0' } }],
])('the error about a program that %s tells nothing of its arguments and environment', async (_what, options) => {
  const error: unknown = await spawnProgram(options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DialError);
  expect(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toContain('hush');
});
