import { Command } from 'commander';
import type { Logger } from 'pino';
import type { CloudServing } from '../cloud/serve-cloud.js';
import { LocalFileSystem } from '../files/local/local-file-system.js';
import type { FileSystem } from '../files/types.js';
import { LocalHttpClient } from '../http/local/local-http-client.js';
import type { HttpClient } from '../http/types.js';
import { LocalBackend } from '../process/local/local-backend.js';
import type { ExecBackend } from '../process/types.js';
import { ExecServer } from '../server/exec-server.js';
import { LocalTcpConnector } from '../tcp/local/local-tcp-connector.js';
import type { TcpConnector } from '../tcp/types.js';
import { ListenAddressError, parseListenAddress } from '../transport/listen-address.js';
import { createLogger } from './logging.js';
import { addCloudOptions, type CloudFlags, joinCloud, readCloudFlags } from './serve-cloud.js';
import { UsageError } from './usage-error.js';

interface ServeOptions extends CloudFlags {
  listen?: string;
  env?: string;
  environments?: string;
  sessionTtl?: string;
  allowedHost?: string[];
  insecureNoAuth?: boolean;
  logLevel: string;
}

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Serve the processes, files and HTTP of this machine, or of an environment. Prints its URL on stdout.')
    .option('--listen <url>', `ws://IP:PORT, unix:///path or stdio (default: ${DEFAULT_LISTEN}; with --cloud: nowhere)`)
    .option('--env <id>', 'serve an environment instead of this machine')
    .option('--environments <file>', 'the environments.toml that --env is looked up in')
    .option('--session-ttl <seconds>', 'how long a session outlives its connection (default: 80)')
    .option('--allowed-host <name...>', 'names, besides IP addresses and localhost, that clients may connect to')
    .option('--insecure-no-auth', 'listen on an address that other machines can reach, for anybody')
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent', 'info')
    .action(serve);
  return addCloudOptions(command);
}

const DEFAULT_LISTEN = 'ws://127.0.0.1:0';

async function serve(options: ServeOptions): Promise<void> {
  const address = readAddress(options);
  const sessionTtlMs = readSeconds('--session-ttl', options.sessionTtl);
  const log = await createLogger(options.logLevel);
  const cloudOptions = await readCloudFlags(options);
  const served = await openServed(options);
  const server = new ExecServer({
    processes: served.processes,
    files: served.files,
    http: served.http,
    tcp: served.tcp,
    sessionTtlMs,
    allowedHosts: options.allowedHost?.map((name) => name.toLowerCase()),
    insecureNoAuth: options.insecureNoAuth,
    log,
  });
  let cloud: CloudServing | undefined;
  const shutDown = shutDownOnce(server, { ...served, leaveCloud: () => cloud?.close() }, log);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void shutDown(signal));

  if (cloudOptions) {
    cloud = await joinCloud(server, cloudOptions, { log, onFailure: () => shutDown('gave up on the cloud') });
  }
  if (address === undefined) return;
  if (address.kind === 'stdio') {
    await server.serveStdio();
    await shutDown('end of input');
    return;
  }
  try {
    const url = await server.listen(address);
    process.stdout.write(`${url}\n`);
    log.info({ url }, 'listening');
  } catch (error) {
    await cloud?.close();
    await server.close();
    throw error instanceof ListenAddressError ? new UsageError(`--listen: ${error.message}`) : error;
  }
}

/** What is put on the wire. */
interface Served {
  processes: ExecBackend;
  files: FileSystem;
  http: HttpClient;
  tcp: TcpConnector;
  close?(): Promise<void>;
  leaveCloud?(): Promise<void> | undefined;
  /** The last resort, for what runs here. */
  killAll?(): void;
}

async function openServed({ env, environments }: ServeOptions): Promise<Served> {
  if (env === undefined) {
    if (environments !== undefined) throw new UsageError('--environments goes with --env');
    const backend = new LocalBackend();
    const http = new LocalHttpClient();
    const close = () => http.close();
    return {
      processes: backend,
      files: new LocalFileSystem(),
      http,
      tcp: new LocalTcpConnector(),
      close,
      killAll: () => backend.killAll(),
    };
  }
  const { openEnvironment } = await import('./open-environment.js'); // a tenth of what starting costs
  const { manager, environment } = await openEnvironment(env, environments);
  return {
    processes: environment.processes,
    files: environment.files,
    http: environment.http,
    tcp: environment.tcp,
    close: () => manager.close(),
  };
}

/** Ends everything and then this process, whoever asks and how often. */
function shutDownOnce(server: ExecServer, served: Served, log: Logger): (why: string) => Promise<void> {
  let ending: Promise<void> | undefined;
  return (why) => {
    ending ??= (async () => {
      log.info({ why }, 'shutting down');
      try {
        await served.leaveCloud?.();
        await server.close();
        await served.close?.();
      } catch (error) {
        log.error({ err: error }, 'shutting down failed');
      } finally {
        served.killAll?.();
      }
      // Connections that are still flushing get a moment; nothing else is left to wait for.
      setTimeout(() => process.exit(), FLUSH_MS).unref();
    })();
    return ending;
  };
}

/** How long connections may flush their last messages at the end. */
const FLUSH_MS = 1_000;

/** Undefined: it listens nowhere. */
function readAddress({ listen, cloud, remote, registrationBearerStdin }: ServeOptions) {
  if (listen === undefined && (cloud || remote !== undefined)) return undefined;
  try {
    const address = parseListenAddress(listen ?? DEFAULT_LISTEN);
    if (address.kind !== 'stdio' || !registrationBearerStdin) return address;
    throw new UsageError(
      '--registration-bearer-stdin: stdin belongs to --listen stdio; expected --registration-bearer-file',
    );
  } catch (error) {
    throw error instanceof ListenAddressError ? new UsageError(`--listen: ${error.message}`) : error;
  }
}

function readSeconds(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds < 0) {
    throw new UsageError(`${flag}: expected a number of seconds, got \`${text}\``);
  }
  return seconds * 1000;
}
