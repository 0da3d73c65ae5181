import type { Command } from 'commander';
import type { Credentials } from '../cloud/credentials.js';
import type { CloudOptions } from '../cloud/options.js';
import type { CloudServing } from '../cloud/serve-cloud.js';
import type { ExecServer, ServerLog } from '../server/exec-server.js';
import { UsageError } from './usage-error.js';

export interface CloudFlags {
  cloud?: boolean;
  cloudBaseUrl?: string;
  cloudEnvironmentId?: string;
  cloudName?: string;
  cloudLabel?: string[];
  cloudContract?: string;
  remote?: string;
  environmentId?: string;
  executorId?: string;
  name?: string;
  remoteTransport?: string;
  registrationBearerStdin?: boolean;
  registrationBearerFile?: string;
}

/** Adds them to `serve`. The second spellings are those of the real executors. */
export function addCloudOptions(command: Command): Command {
  return command
    .optionsGroup('In the cloud:')
    .option('--cloud', 'register with a registry: harnesses reach this executor through its rendezvous')
    .option('--cloud-base-url <url>', 'of the registry: https://…, or http://… of loopback')
    .option('--cloud-environment-id <id>', 'what harnesses ask for')
    .option('--cloud-name <name>', 'for people who look at a list (default: exec-server)')
    .option('--cloud-label <name=value...>', 'likewise')
    .option(
      '--cloud-contract <contract>',
      'how to register: executor, direct, or auto, which finds out (default: auto)',
    )
    .option('--registration-bearer-stdin', 'the token for the registry is the first line of stdin')
    .option('--registration-bearer-file <file>', 'the token for the registry is in a file, which is read every time')
    .option('--remote <url>', 'the same as --cloud --cloud-base-url')
    .option('--environment-id <id>', 'the same as --cloud-environment-id')
    .option('--executor-id <id>', 'the same as --cloud-environment-id')
    .option('--name <name>', 'the same as --cloud-name')
    .option('--remote-transport <transport>', 'direct: the same as --cloud-contract direct');
}

/**
 * What the flags ask for, with credentials that can be read. Undefined: not in the cloud. Takes the token away from the
 * environment that commands inherit. Throws UsageError, CredentialError.
 */
export async function readCloudFlags(flags: CloudFlags): Promise<CloudOptions | undefined> {
  const baseUrl = oneOf({ '--cloud-base-url': flags.cloudBaseUrl, '--remote': flags.remote });
  const environmentId = oneOf({
    '--cloud-environment-id': flags.cloudEnvironmentId,
    '--environment-id': flags.environmentId,
    '--executor-id': flags.executorId,
  });
  const name = oneOf({ '--cloud-name': flags.cloudName, '--name': flags.name });
  const contract = readContract(flags);
  const labels = readLabels(flags.cloudLabel);
  if (!flags.cloud && flags.remote === undefined) {
    const { registrationBearerStdin, registrationBearerFile } = flags;
    const stray = [baseUrl, environmentId, name, contract, labels, registrationBearerStdin, registrationBearerFile];
    if (stray.some((value) => value !== undefined)) {
      throw new UsageError(
        '--cloud-…, --registration-bearer-… and what the real executors call them go with --cloud or --remote',
      );
    }
    return undefined;
  }
  if (baseUrl === undefined) throw new UsageError('--cloud: expected --cloud-base-url with the URL of the registry');
  if (environmentId === undefined) throw new UsageError('--cloud: expected --cloud-environment-id with an id');
  await check({ baseUrl, environmentId, labels });
  return { baseUrl, environmentId, name, contract, labels, credentials: await findCredentials(flags, baseUrl) };
}

/** `onFailure`: there is no coming back; the reason has been said on stderr, and the exit code is set. */
export async function joinCloud(
  server: ExecServer,
  options: CloudOptions,
  { log, onFailure }: { log: ServerLog; onFailure(): Promise<void> },
): Promise<CloudServing> {
  const { serveCloud } = await import('../cloud/index.js'); // as is all of it, for the sake of those who stay at home
  const serving = serveCloud(server, { ...options, log });
  serving.ended.catch((error: unknown) => {
    process.stderr.write(`exec-server: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    return onFailure();
  });
  return serving;
}

async function findCredentials(flags: CloudFlags, baseUrl: string): Promise<Credentials> {
  const { registrationBearerStdin: fromStdin, registrationBearerFile: file } = flags;
  if (fromStdin && file !== undefined) {
    throw new UsageError('expected one of --registration-bearer-stdin and --registration-bearer-file, got both');
  }
  const cloud = await import('../cloud/index.js');
  const credentials = fromStdin
    ? await cloud.readBearerLine(process.stdin)
    : file !== undefined
      ? cloud.bearerFile(file)
      : cloud.findCredentials(baseUrl);
  await credentials.headers(); // what cannot be read now is a mistake of whoever starts us, and nothing to be patient about
  delete process.env[cloud.BEARER_TOKEN_VARIABLE];
  return credentials;
}

async function check(options: Pick<CloudOptions, 'baseUrl' | 'environmentId' | 'labels'>): Promise<void> {
  const { CloudOptionError, checkCloudOptions } = await import('../cloud/index.js');
  try {
    checkCloudOptions(options);
  } catch (error) {
    if (!(error instanceof CloudOptionError)) throw error;
    throw new UsageError(`${FLAG_OF[error.option]}: ${error.message}`, { cause: error });
  }
}

const FLAG_OF = {
  baseUrl: '--cloud-base-url',
  environmentId: '--cloud-environment-id',
  labels: '--cloud-label',
} as const;

function readContract({ cloudContract, remoteTransport }: CloudFlags): CloudOptions['contract'] {
  if (remoteTransport === 'noise') {
    throw new UsageError(
      '--remote-transport: noise is not spoken here; expected `direct`, whose privacy is that of TLS to the rendezvous',
    );
  }
  if (remoteTransport !== undefined && remoteTransport !== 'direct') {
    throw new UsageError(`--remote-transport: expected \`direct\`, got \`${remoteTransport}\``);
  }
  const contract = oneOf({ '--cloud-contract': cloudContract, '--remote-transport': remoteTransport });
  if (contract === undefined || contract === 'auto' || contract === 'executor' || contract === 'direct')
    return contract;
  throw new UsageError(`--cloud-contract: expected auto, executor or direct, got \`${contract}\``);
}

function readLabels(texts: readonly string[] | undefined): Record<string, string> | undefined {
  return (
    texts &&
    Object.fromEntries(
      texts.map((text) => {
        const at = text.indexOf('=');
        if (at < 1) throw new UsageError(`--cloud-label: expected NAME=VALUE, got \`${text}\``);
        return [text.slice(0, at), text.slice(at + 1)];
      }),
    )
  );
}

/** The value of several spellings of one option. */
function oneOf(spellings: Record<string, string | undefined>): string | undefined {
  const given = Object.entries(spellings).filter(([, value]) => value !== undefined);
  const [first, ...rest] = given;
  const other = rest.find(([, value]) => value !== first?.[1]);
  if (first && other) throw new UsageError(`${first[0]} and ${other[0]} are the same option: got two values`);
  return first?.[1];
}
