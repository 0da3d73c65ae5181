import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { ConnectTarget, UrlTarget } from '../client/dial.js';
import { SessionLostError } from '../client/errors.js';
import { ExecServerClient } from '../client/exec-server-client.js';
import type { FileSystem } from '../files/types.js';
import type { HttpClient } from '../http/types.js';
import type { ExecBackend } from '../process/types.js';
import type { EnvironmentInfo } from '../protocol/session-methods.js';
import { spawnProgram } from '../transport/spawned-program.js';
import { reportConnection, reportStatus, tell } from './report-connection.js';
import { UsageError } from './usage-error.js';

/** The options that say where a command works. */
export interface TargetOptions {
  url?: string;
  program?: string;
  env?: string;
  environments?: string;
  tokenEnv?: string;
  session?: string;
}

/** Where a command works: a server, or an environment. */
export interface Target {
  processes: ExecBackend;
  files: FileSystem;
  http: HttpClient;
  info(): Promise<EnvironmentInfo>;
  /** `keep` leaves its processes running, where they can be come back to. */
  close(options: { keep: boolean }): Promise<void>;
}

/** `--url`, `--program`, `--env` and what belongs to them. */
export function addTargetOptions(command: Command): Command {
  return command
    .option('--url <url>', 'a server: ws://HOST:PORT, wss://… or unix:///path')
    .option('--token-env <name>', 'the environment variable that holds the bearer token for --url')
    .option(
      '--program <command>',
      'a program that serves on its stdin and stdout, such as "ssh host exec-server serve --listen stdio"',
    )
    .option('--env <id>', 'an environment of environments.toml, or `local`')
    .option('--environments <file>', 'the environments.toml that it is looked up in');
}

/** `--session`, and where it is. */
export function addSessionOptions(command: Command): Command {
  return command
    .requiredOption('--session <name>', 'the session: a name given with `run --session`, or with --url its id')
    .option('--url <url>', 'the server, if the session is given by its id')
    .option('--token-env <name>', 'the environment variable that holds the bearer token');
}

/** Opens the target. Without options: a server of our own, on this machine, for as long as the command runs. */
export async function openTarget(options: TargetOptions): Promise<Target> {
  const given = (['url', 'program', 'env'] as const).filter((name) => options[name] !== undefined);
  if (given.length > 1) {
    throw new UsageError(`expected one of --url, --program and --env, got ${given.length} of them`);
  }
  if (options.env !== undefined) return openConfigured(options.env, options.environments);
  if (options.environments !== undefined) throw new UsageError('--environments goes with --env');
  const client =
    options.session === undefined
      ? await connect(connectTarget(options))
      : await openSession(options.session, options, { create: true });
  return {
    processes: client.processes,
    files: client.files,
    http: client.http,
    info: () => client.environmentInfo(),
    close: ({ keep }) => client.close({ terminateProcesses: !keep }),
  };
}

/** A session by its name, or by its id together with `--url`. With `create`, a name that is new opens a new one. */
export async function openSession(
  name: string,
  options: TargetOptions,
  { create = false } = {},
): Promise<ExecServerClient> {
  const { SessionStore } = await import('./session-store.js');
  const store = new SessionStore();
  const stored = await store.find(name);
  const url = options.url ?? stored?.url;
  if (url === undefined)
    throw new UsageError(`--session: there is none called \`${name}\`; expected a known name, or --url too`);
  const target = urlTarget(url, options.tokenEnv);
  const sessionId = stored && stored.url === url ? stored.sessionId : create ? undefined : name;
  if (sessionId !== undefined) {
    try {
      return await connect(target, sessionId);
    } catch (error) {
      if (!create || !(error instanceof SessionLostError)) throw error;
      tell(`the session \`${name}\` has ended; opening a new one`);
    }
  }
  const client = await connect(target);
  await store.save(name, { url, sessionId: client.sessionId });
  return client;
}

function connect(target: ConnectTarget, resumeSessionId?: string): Promise<ExecServerClient> {
  return ExecServerClient.connect(target, {
    clientName: 'exec-server',
    resumeSessionId,
    onStateChange: reportConnection,
  });
}

async function openConfigured(id: string, environmentsFile: string | undefined): Promise<Target> {
  const { openEnvironment } = await import('./open-environment.js');
  const { manager, environment } = await openEnvironment(id, environmentsFile);
  environment.onStatusChange(reportStatus);
  const { processes, files, http } = environment;
  return { processes, files, http, info: () => environment.info(), close: () => manager.close() };
}

function connectTarget({ url, program, tokenEnv }: TargetOptions): ConnectTarget {
  if (url !== undefined) return urlTarget(url, tokenEnv);
  if (tokenEnv !== undefined) throw new UsageError('--token-env goes with --url');
  const onStderr = (text: string) => void process.stderr.write(text);
  if (program !== undefined) return { program: '/bin/sh', args: ['-c', `exec ${program}`], onStderr };
  return ownServer(onStderr);
}

/** A server of our own, started at once: while it loads what it needs, we load what we need to talk to it. */
function ownServer(onStderr: (text: string) => void): ConnectTarget {
  const args = [...OWN_SERVER, '--listen', 'stdio', '--log-level', 'warn'];
  const channel = spawnProgram({ program: process.execPath, args, onStderr });
  channel.catch(() => undefined); // whoever dials is told
  return { dial: () => channel, resumable: false };
}

function urlTarget(url: string, tokenEnv: string | undefined): UrlTarget {
  if (!/^(wss?:\/\/|unix:\/\/\/)/.test(url)) {
    throw new UsageError(`--url: expected ws://HOST:PORT, wss://… or unix:///path, got \`${url}\``);
  }
  if (tokenEnv === undefined) return { url };
  const bearerToken = process.env[tokenEnv];
  if (!bearerToken) throw new UsageError(`--token-env: the environment variable \`${tokenEnv}\` is empty or not set`);
  return { url, bearerToken };
}

const OWN_SERVER = [fileURLToPath(new URL('./main.js', import.meta.url)), 'serve'];
