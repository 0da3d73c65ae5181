import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { atEnd, scratchDirectory, until } from '../harness/index.js';

/** sshd insists on an absolute path, and is not in everybody's PATH. */
const SSHD = ['/usr/sbin/sshd', '/usr/bin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path));

/** Where sshd, run by root, puts itself away before it knows who connects. Its service makes it, too. */
const PRIVILEGE_SEPARATION_DIRECTORY = '/run/sshd';

/** Why there can be no sshd of a test's own; undefined when there can. */
export const whyNoSshd: string | undefined = (() => {
  if (SSHD === undefined) return 'sshd is not installed: apt-get install openssh-server';
  if (/nologin|false/.test(userInfo().shell ?? '')) return 'the user of the tests has no shell to log in to';
  return undefined;
})();

export interface LocalSshd {
  /** Runs a command of a shell there: the arguments of `ssh`, without a question ever asked. */
  sshArgs(command: string): string[];
}

/** An sshd of the test's own on a port of 127.0.0.1, for its own user and one key. Ends with the test. */
export async function startSshd(): Promise<LocalSshd> {
  if (whyNoSshd !== undefined || SSHD === undefined) throw new Error(whyNoSshd);
  const directory = scratchDirectory();
  const file = (name: string) => join(directory, name);
  for (const key of ['host', 'user']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file(key)]);
  }
  const port = await freePort();
  writeFileSync(file('authorized'), readFileSync(file('user.pub')));
  writeFileSync(file('known'), `[127.0.0.1]:${port} ${readFileSync(file('host.pub'), 'utf8')}`);
  const settings = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized')}`,
    'AuthenticationMethods publickey',
    'PermitRootLogin prohibit-password',
    'StrictModes no', // the temporary directory is everybody's
    'PidFile none',
  ];
  writeFileSync(file('config'), `${settings.join('\n')}\n`);
  if (process.getuid?.() === 0) mkdirSync(PRIVILEGE_SEPARATION_DIRECTORY, { recursive: true, mode: 0o755 });
  await runSshd(SSHD, file('config'), port);
  return {
    sshArgs: (command) => [
      ...['-F', 'none', '-p', String(port), '-i', file('user')],
      ...['IdentitiesOnly=yes', 'BatchMode=yes', `UserKnownHostsFile=${file('known')}`].flatMap((o) => ['-o', o]),
      `${userInfo().username}@127.0.0.1`,
      command,
    ],
  };
}

async function runSshd(program: string, config: string, port: number): Promise<void> {
  const sshd: ChildProcess = spawn(program, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(sshd, 'exit');
  atEnd(async () => {
    sshd.kill();
    await exited;
  });
  let said = '';
  sshd.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until(() => {
    if (sshd.exitCode !== null) throw new Error(`sshd ended with ${sshd.exitCode}: ${said}`);
    return answers(port);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
