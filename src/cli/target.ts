import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { ConnectTarget } from '../client/dial.js';
import { UsageError } from './usage-error.js';

/** The options that say which server a command talks to. */
export interface TargetOptions {
  url?: string;
  program?: string;
  tokenEnv?: string;
}

export function addTargetOptions(command: Command): Command {
  return command
    .option('--url <url>', 'a server: ws://HOST:PORT, wss://… or unix:///path (default: one started for this command)')
    .option(
      '--program <command>',
      'a program that serves on its stdin and stdout, such as "ssh host exec-server serve --listen stdio"',
    )
    .option('--token-env <name>', 'the environment variable that holds the bearer token for --url');
}

/** Where to connect. Without options: a server of our own, on this machine, for as long as the command runs. */
export function targetFrom({ url, program, tokenEnv }: TargetOptions): ConnectTarget {
  if (url !== undefined && program !== undefined)
    throw new UsageError('--url and --program: expected one of them, got both');
  const onStderr = (text: string) => void process.stderr.write(text);
  if (program !== undefined) return { program: '/bin/sh', args: ['-c', `exec ${program}`], onStderr };
  if (url === undefined) {
    if (tokenEnv !== undefined) throw new UsageError('--token-env goes with --url');
    return { program: process.execPath, args: [...OWN_SERVER, '--listen', 'stdio', '--log-level', 'warn'], onStderr };
  }
  if (!/^(wss?:\/\/|unix:\/\/\/)/.test(url)) {
    throw new UsageError(`--url: expected ws://HOST:PORT, wss://… or unix:///path, got \`${url}\``);
  }
  if (tokenEnv === undefined) return { url };
  const bearerToken = process.env[tokenEnv];
  if (!bearerToken) throw new UsageError(`--token-env: the environment variable \`${tokenEnv}\` is empty or not set`);
  return { url, bearerToken };
}

const OWN_SERVER = [fileURLToPath(new URL('./main.js', import.meta.url)), 'serve'];
