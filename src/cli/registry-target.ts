import type { Command } from 'commander';
import type { RegistryTarget } from '../client/registry-dialer.js';
import type { RegistryPlace } from '../environment/registry-environments.js';
import { UsageError } from './usage-error.js';

const REGISTRY_VARIABLE = 'EXEC_SERVER_REGISTRY';
const TOKEN_VARIABLE = 'EXEC_SERVER_REGISTRY_TOKEN';

/** The options that say in which registry an environment is looked up. */
export interface RegistryOptions {
  env?: string;
  environments?: string;
  registry?: string;
  registryTokenEnv?: string;
  registryTokenFile?: string;
}

/** `--registry-token-env`, `--registry-token-file`. */
export function addRegistryTokenOptions(command: Command): Command {
  return command
    .option(
      '--registry-token-env <name>',
      `the environment variable that holds the registry's token (default: ${TOKEN_VARIABLE})`,
    )
    .option('--registry-token-file <file>', 'the file that holds it; read for every connection');
}

/** `--registry` and what belongs to it. */
export function addRegistryOptions(command: Command): Command {
  return addRegistryTokenOptions(
    command.option(
      '--registry <url>',
      `the registry that knows --env: https://HOST, or http:// to loopback (default: ${REGISTRY_VARIABLE}, for what is not in environments.toml)`,
    ),
  );
}

/** The registry that `--env` is to be looked up in; undefined: none. */
export async function registryOf(options: RegistryOptions): Promise<string | undefined> {
  const { registry, env, environments } = options;
  if (registry !== undefined) {
    if (env === undefined) throw new UsageError('--registry goes with --env, the id of an environment there');
    if (environments !== undefined) throw new UsageError('expected one of --registry and --environments, got both');
    return registry;
  }
  const preset = presetRegistry();
  if (preset === undefined || env === undefined || environments !== undefined) return undefined;
  return (await isConfigured(env)) ? undefined : preset;
}

/** What the environment of this process names as the registry. */
export function presetRegistry(): string | undefined {
  return process.env[REGISTRY_VARIABLE] || undefined;
}

/** The registry with its token. Rejects with UsageError when it cannot be one, or there is no token now. */
export async function registryPlace(registry: string, options: RegistryOptions): Promise<RegistryPlace> {
  const { registryTokenEnv, registryTokenFile } = options;
  if (registryTokenEnv !== undefined && registryTokenFile !== undefined) {
    throw new UsageError('expected one of --registry-token-env and --registry-token-file, got both');
  }
  const token =
    registryTokenFile === undefined
      ? { tokenEnv: registryTokenEnv ?? TOKEN_VARIABLE }
      : { tokenFile: registryTokenFile };
  const { checkBaseUrl } = await import('../registry/request.js');
  const { bearerHeaders, readToken } = await import('../registry/harness-token.js');
  try {
    checkBaseUrl(registry);
    bearerHeaders(await readToken(token));
  } catch (error) {
    throw new UsageError(`--registry: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return { registry, ...token };
}

/** An environment of a registry, as something to connect to. */
export async function registryTarget(
  registry: string,
  environmentId: string,
  options: RegistryOptions,
): Promise<RegistryTarget> {
  const place = await registryPlace(registry, options);
  const { readToken } = await import('../registry/harness-token.js');
  return { registry, environmentId, bearerToken: () => readToken(place) };
}

async function isConfigured(id: string): Promise<boolean> {
  const { openManager } = await import('./open-environment.js');
  await using manager = await openManager(undefined);
  return manager.list().some((environment) => environment.id === id);
}
