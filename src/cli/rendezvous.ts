import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { Cluster } from '../rendezvous/cluster.js';
import { isEnvironmentPattern, type Role } from '../rendezvous/identity.js';
import {
  createKeyFile,
  createRendezvous,
  defaultKeyFile,
  issueToken,
  loadAwsCredentials,
  PrivateFileError,
  type RendezvousLog,
  SigningKeys,
} from '../rendezvous/index.js';
import { parseListenUrl } from '../rendezvous/listen-url.js';
import { ListenAddressError } from '../transport/listen-address.js';
import { createLogger } from './logging.js';
import { UsageError } from './usage-error.js';

interface RendezvousCommandOptions {
  listen: string;
  keyFile?: string;
  publicUrl?: string;
  awsCredentials?: string;
  nats?: string;
  natsCredentials?: string;
  tlsCert?: string;
  tlsKey?: string;
  behindTlsProxy?: boolean;
  drain: string;
  logLevel: string;
}

interface TokenCommandOptions {
  keyFile?: string;
  executor?: string[];
  harness?: string[];
  operator?: boolean;
  subject?: string;
  expiresIn: string;
}

const KEY_FILE =
  'the keys that sign tokens and URLs (default: rendezvous-keys.json in exec-server/ of $XDG_STATE_HOME or ~/.local/state)';

export function rendezvousCommand(): Command {
  return new Command('rendezvous')
    .description('Host a registry and relay for executors that dial in. Prints its URL on stdout.')
    .option('--listen <url>', 'http://IP:PORT, or https://IP:PORT', 'http://127.0.0.1:0')
    .enablePositionalOptions() // `token` has a --key-file of its own
    .option('--key-file <file>', `${KEY_FILE}; made, with mode 0600, if it is not there`)
    .option('--public-url <url>', 'what executors and harnesses reach it by, if that is not where it listens')
    .option('--aws-credentials <file>', 'the AWS keys of executors that sign their requests (mode 0600)')
    .addOption(
      // From the environment where the URL holds a password: other users of the machine see command lines.
      new Option('--nats <url>', 'share everything with the other nodes at this NATS server').env('EXEC_SERVER_NATS'),
    )
    .option('--nats-credentials <file>', 'what to show that server')
    .option('--tls-cert <file>', 'PEM, for https')
    .option('--tls-key <file>', 'PEM, for https')
    .option('--behind-tls-proxy', 'listen in clear text where other machines can reach it: a proxy in front ends TLS')
    .option('--drain <seconds>', 'at the end, how long connections may go on', '5')
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent', 'info')
    .action(host)
    .addCommand(tokenCommand().exitOverride());
}

function tokenCommand(): Command {
  return new Command('token')
    .description('Print a token for an executor, a harness or an operator.')
    .option('--key-file <file>', KEY_FILE)
    .option('--executor <id...>', 'may register under these ids; `prefix-*` is all that begin so')
    .option('--harness <id...>', 'may list and reach these ids, or `prefix-*`')
    .option('--operator', 'may do both, for all ids')
    .option('--subject <name>', 'who it is for, which is what logs and refusals show')
    .option('--expires-in <duration>', 'such as 12h or 30d', '30d')
    .action(printToken);
}

async function host(options: RendezvousCommandOptions): Promise<void> {
  const { keyFile = defaultKeyFile() } = options;
  const graceMs = readSeconds('--drain', options.drain);
  const log = await createLogger(options.logLevel);
  const server = await usable(async () => {
    parseListenUrl(options.listen); // before anything is made
    const isNew = createKeyFile(keyFile);
    if (isNew) log.info({ keyFile }, 'made a key');
    const { listen, publicUrl, behindTlsProxy, awsCredentials } = options;
    const keys = await SigningKeys.load(keyFile);
    return createRendezvous({
      listen,
      keys,
      awsCredentials: awsCredentials === undefined ? undefined : loadAwsCredentials(awsCredentials),
      publicUrl,
      tls: readTls(options),
      behindTlsProxy,
      isNew,
      cluster: await connectCluster(options, log), // last: it is closed by what it is given to
      log,
    });
  });
  let ending: Promise<void> | undefined;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (ending) process.exit(0); // asked twice: without waiting
      log.info({ why: signal, graceMs }, 'draining');
      ending = server.close({ graceMs }).then(() => process.exit(0));
    });
  }
  process.stdout.write(`${server.url}\n`);
  log.info({ url: server.url, nodeId: server.nodeId }, 'listening');
}

async function printToken(options: TokenCommandOptions): Promise<void> {
  const { role, environments } = readRole(options);
  const expiresAtMs = Date.now() + readDuration('--expires-in', options.expiresIn);
  const token = await usable(async () => {
    const keys = await SigningKeys.load(options.keyFile ?? defaultKeyFile());
    return issueToken(keys, { role, environments, subject: options.subject ?? role, expiresAtMs });
  });
  process.stdout.write(`${token}\n`);
}

function readRole({ executor, harness, operator }: TokenCommandOptions): { role: Role; environments: string[] } {
  const given = [executor && 'executor', harness && 'harness', operator && 'operator'].filter((role) => role);
  if (given.length !== 1) throw new UsageError('expected one of --executor ID…, --harness ID… and --operator');
  const environments = executor ?? harness ?? ['*'];
  const bad = environments.find((pattern) => !isEnvironmentPattern(pattern));
  if (bad !== undefined) {
    throw new UsageError(`expected an environment id, or one with \`*\` at its end, got \`${bad}\``);
  }
  return { role: executor ? 'executor' : harness ? 'harness' : 'operator', environments };
}

async function connectCluster(
  { nats, natsCredentials }: RendezvousCommandOptions,
  log: RendezvousLog,
): Promise<Cluster | undefined> {
  if (nats === undefined) {
    if (natsCredentials !== undefined) throw new UsageError('--nats-credentials goes with --nats');
    return undefined;
  }
  const { connectNatsCluster } = await import('../rendezvous/nats/nats-cluster.js');
  return connectNatsCluster({ url: nats, credentialsFile: natsCredentials, log });
}

function readTls({ tlsCert, tlsKey }: RendezvousCommandOptions): { cert: string; key: string } | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) throw new UsageError('--tls-cert and --tls-key go together');
  return { cert: readFileSync(tlsCert, 'utf8'), key: readFileSync(tlsKey, 'utf8') };
}

/** What the command line names and cannot be used is its fault. */
async function usable<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof ListenAddressError || error instanceof PrivateFileError
      ? new UsageError(error.message, { cause: error })
      : error;
  }
}

function readSeconds(flag: string, text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds < 0) {
    throw new UsageError(`${flag}: expected a number of seconds, got \`${text}\``);
  }
  return seconds * 1000;
}

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function readDuration(flag: string, text: string): number {
  const match = /^(\d+)([smhd])$/.exec(text);
  const ms = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ''] ?? Number.NaN);
  if (!(ms > 0)) throw new UsageError(`${flag}: expected a duration such as 90s, 15m, 12h or 30d, got \`${text}\``);
  return ms;
}
