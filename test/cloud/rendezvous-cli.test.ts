import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { connectHarness } from '../../src/registry/harness-connect.js';
import { listEnvironments } from '../../src/registry/harness-list.js';
import { atEnd, scratchDirectory, within } from '../harness/index.js';
import { accessOf, dialRaw, registerRaw, type TestRendezvous } from './rendezvous-fixture.js';

// The command line, from `dist/` (built by `npm test`).

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

test('a rendezvous makes its key, its tokens work, it drains on SIGTERM, and a new one takes the same tokens', async () => {
  const keyFile = join(scratchDirectory(), 'keys.json');
  const first = await host(['--key-file', keyFile, '--drain', '0.1']);
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);
  const executorToken = await token(['--key-file', keyFile, '--executor', 'box', '--subject', 'the-box']);
  const harnessToken = await token(['--key-file', keyFile, '--harness', 'box', 'team-*', '--expires-in', '5m']);
  const connect = (to: { url: string }) => connectHarness(accessOf(to.url, harnessToken), 'box');
  await expect(connect(first)).rejects.toMatchObject({ code: 'unknown_environment', retryable: false });
  const { url } = await registerRaw({ url: first.url } as TestRendezvous, executorToken, 'box');
  const executor = await dialRaw(url);
  const harness = await dialRaw((await connect(first)).url);
  const ends = [executor, harness].map((socket) => once(socket, 'close').then(([code]) => code));
  first.child.kill('SIGTERM');
  expect(await Promise.all(ends)).toEqual([1001, 1001]);
  expect(await first.exited).toBe(0);
  expect(first.stderr()).toContain('"subject":"the-box"');
  expect(first.stderr()).not.toMatch(/ticket=|eyJ/);
  const second = await host(['--key-file', keyFile]);
  expect(await listEnvironments(accessOf(second.url, harnessToken))).toEqual([]);
  // The executor of the first run may be on its way.
  await expect(connect(second)).rejects.toMatchObject({ code: 'environment_offline', retryable: true });
});

test.each([
  ['clear text for everybody', ['--listen', 'http://0.0.0.0:0'], 2, /tokens would be seen/],
  ['half a certificate', ['--tls-cert', 'cert.pem'], 2, /go together/],
  ['a public URL in clear text', ['--public-url', 'http://rendezvous.example'], 2, /must be https/],
  ['no number', ['--drain', 'soon'], 2, /--drain: expected a number of seconds, got `soon`/],
])('%s ends it', async (_name, args, exitCode, problem) => {
  const child = start(['rendezvous', '--key-file', join(scratchDirectory(), 'keys.json'), ...args]);
  expect(await child.exited).toBe(exitCode);
  expect(child.stderr()).toMatch(problem);
});

test.each([
  ['nobody to be for', [], /expected one of --executor/],
  ['two roles', ['--operator', '--harness', 'box'], /expected one of --executor/],
  ['an id that is none', ['--harness', 'a b'], /got `a b`/],
  ['a duration that is none', ['--operator', '--expires-in', 'never'], /expected a duration such as/],
])('a token with %s is refused', async (_name, args, problem) => {
  const keyFile = join(scratchDirectory(), 'keys.json');
  await expect(token(['--key-file', keyFile, ...args])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(problem),
  });
});

test('without --key-file the keys are where state is kept, for the rendezvous and for its tokens', async () => {
  const env = { ...process.env, XDG_STATE_HOME: scratchDirectory() };
  await expect(token(['--operator'], env)).rejects.toMatchObject({
    stderr: expect.stringMatching(/start the rendezvous/),
  });
  const { url } = await host([], env);
  const operatorToken = await token(['--operator'], env);
  expect(await listEnvironments(accessOf(url, operatorToken))).toEqual([]);
});

test('a key file that others can read is refused', async () => {
  const keyFile = join(scratchDirectory(), 'keys.json');
  const { child, exited } = await host(['--key-file', keyFile]);
  child.kill('SIGTERM');
  await exited;
  chmodSync(keyFile, 0o640);
  await expect(token(['--key-file', keyFile, '--operator'])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/open to others \(mode 0640\): expected 0600/),
  });
});

interface Started {
  child: ChildProcessWithoutNullStreams;
  exited: Promise<number | null>;
  stderr(): string;
}

/** Killed with the test. */
function start(args: string[], env = process.env): Started {
  const child = spawn(process.execPath, [MAIN, ...args], { env });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  atEnd(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return { child, exited, stderr: () => stderr };
}

async function host(args: string[], env = process.env): Promise<Started & { url: string }> {
  const started = start(['rendezvous', '--listen', 'ws://127.0.0.1:0', ...args], env);
  const [line] = await within(once(started.child.stdout, 'data'), 15_000, 'the URL line on stdout');
  return { ...started, url: String(line).trim() };
}

function token(args: string[], env = process.env): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [MAIN, 'rendezvous', 'token', ...args], { env }, (error, stdout, stderr) => {
      if (error) reject(Object.assign(error, { stderr }));
      else resolve(stdout.trim());
    });
  });
}
