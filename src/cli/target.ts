import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { ConnectTarget, UrlTarget } from '../client/dial.js';
import { SessionLostError } from '../client/errors.js';
import { ExecServerClient } from '../client/exec-server-client.js';
import type { FileSystem } from '../files/types.js';
import type { HttpClient } from '../http/types.js';
import type { ExecBackend } from '../process/types.js';
import type { EnvironmentInfo } from '../protocol/session-methods.js';
import type { TcpConnector } from '../tcp/types.js';
import { spawnProgram } from '../transport/spawned-program.js';
import { addRegistryOptions, type RegistryOptions, registryOf, registryTarget } from './registry-target.js';
import { reportConnection, reportStatus, tell } from './report-connection.js';
import type { SessionPlace } from './session-store.js';
import { UsageError } from './usage-error.js';

/** The options that say where a command works. */
export interface TargetOptions extends RegistryOptions {
  url?: string;
  program?: string;
  tokenEnv?: string;
  connectTimeout?: string;
  session?: string;
}

/** Where a command works: a server, or an environment. */
export interface Target {
  processes: ExecBackend;
  files: FileSystem;
  http: HttpClient;
  tcp: TcpConnector;
  info(): Promise<EnvironmentInfo>;
  /** Calls back when it is out of reach for good. An environment never is: the next use opens a new session. */
  onFailed(listener: (error: Error) => void): void;
  /** `keep` leaves its processes running, where they can be come back to. */
  close(options: { keep: boolean }): Promise<void>;
}

/** `--url`, `--program`, `--env` and what belongs to them. */
export function addTargetOptions(command: Command): Command {
  const places = command
    .option('--url <url>', 'a server: ws://HOST:PORT, wss://… or unix:///path')
    .option('--token-env <name>', 'the environment variable that holds the bearer token for --url')
    .option(
      '--program <command>',
      'a program that serves on its stdin and stdout, such as "ssh host exec-server serve --listen stdio"',
    )
    .option('--env <id>', 'an environment of environments.toml or of a registry, or `local`')
    .option('--environments <file>', 'the environments.toml that it is looked up in');
  return addConnectionOptions(places);
}

/** `--session`, and where it is. */
export function addSessionOptions(command: Command): Command {
  const places = command
    .requiredOption(
      '--session <name>',
      'the session: a name given with `run --session`, or its id, with --url or --registry',
    )
    .option('--url <url>', 'the server, if the session is given by its id')
    .option('--token-env <name>', 'the environment variable that holds the bearer token')
    .option('--env <id>', 'the environment of a registry, if the session is given by its id');
  return addConnectionOptions(places);
}

function addConnectionOptions(command: Command): Command {
  return addRegistryOptions(command).option(
    '--connect-timeout <seconds>',
    'how long to try to get to --url, or to an environment of a registry that may be offline (default: 10)',
  );
}

/** Opens the target. Without options: a server of our own, on this machine, for as long as the command runs. */
export async function openTarget(options: TargetOptions): Promise<Target> {
  const given = (['url', 'program', 'env'] as const).filter((name) => options[name] !== undefined);
  if (given.length > 1) {
    throw new UsageError(`expected one of --url, --program and --env, got ${given.length} of them`);
  }
  const registry = await registryOf(options);
  if (options.env !== undefined && registry === undefined) return openConfigured(options.env, options.environments);
  if (options.environments !== undefined) throw new UsageError('--environments goes with --env');
  const client =
    options.session === undefined
      ? await connect(await connectTarget(options, registry), options)
      : await openSession(options.session, options, { create: true });
  return {
    processes: client.processes,
    files: client.files,
    http: client.http,
    tcp: client.tcp,
    info: () => client.environmentInfo(),
    onFailed: (listener) => {
      client.onStateChange((state) => state.status === 'failed' && listener(state.error));
    },
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
  const given = await placeOf(options);
  const place = given ?? stored?.place;
  if (place === undefined)
    throw new UsageError(
      `--session: there is none called \`${name}\`; expected a known name, or --url or --registry too`,
    );
  const target =
    'url' in place
      ? urlTarget(place.url, options.tokenEnv)
      : await registryTarget(place.registry, place.environmentId, options);
  const sessionId = stored && isSamePlace(place, stored.place) ? stored.sessionId : create ? undefined : name;
  if (sessionId !== undefined) {
    try {
      return await connect(target, options, sessionId);
    } catch (error) {
      if (!create || !(error instanceof SessionLostError)) throw error;
      tell(`the session \`${name}\` has ended; opening a new one`);
    }
  }
  const client = await connect(target, options);
  await store.save(name, { place, sessionId: client.sessionId });
  return client;
}

/** Where the options say that a session is; undefined: nothing of that. */
async function placeOf(options: TargetOptions): Promise<SessionPlace | undefined> {
  if (options.url !== undefined) return { url: options.url };
  const registry = await registryOf(options);
  if (options.env === undefined) return undefined;
  if (registry === undefined) throw new UsageError('--env goes with --registry where there is --session');
  return { registry, environmentId: options.env };
}

function isSamePlace(a: SessionPlace, b: SessionPlace): boolean {
  if ('url' in a || 'url' in b) return 'url' in a && 'url' in b && a.url === b.url;
  return a.registry === b.registry && a.environmentId === b.environmentId;
}

function connect(
  target: ConnectTarget,
  { connectTimeout }: TargetOptions,
  resumeSessionId?: string,
): Promise<ExecServerClient> {
  return ExecServerClient.connect(target, {
    clientName: 'exec-server',
    resumeSessionId,
    connectTimeoutMs: readConnectTimeout(connectTimeout),
    onStateChange: reportConnection,
  });
}

async function openConfigured(id: string, environmentsFile: string | undefined): Promise<Target> {
  const { openEnvironment } = await import('./open-environment.js');
  const { manager, environment } = await openEnvironment(id, environmentsFile);
  environment.onStatusChange(reportStatus);
  const { processes, files, http, tcp } = environment;
  return {
    processes,
    files,
    http,
    tcp,
    info: () => environment.info(),
    onFailed: () => undefined,
    close: () => manager.close(),
  };
}

async function connectTarget(options: TargetOptions, registry: string | undefined): Promise<ConnectTarget> {
  const { url, program, env, tokenEnv } = options;
  if (registry !== undefined && env !== undefined) return registryTarget(registry, env, options);
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

function readConnectTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (seconds > 0 && seconds <= MAX_CONNECT_TIMEOUT_S) return Math.ceil(seconds * 1000);
  throw new UsageError(
    `--connect-timeout: expected seconds, above 0 and at most ${MAX_CONNECT_TIMEOUT_S}, got \`${text}\``,
  );
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

/** A week: timers hold no more than 24 days. */
const MAX_CONNECT_TIMEOUT_S = 7 * 24 * 3600;

const OWN_SERVER = [fileURLToPath(new URL('./main.js', import.meta.url)), 'serve'];
