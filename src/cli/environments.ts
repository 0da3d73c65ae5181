import { Command } from 'commander';
import type { Environment } from '../environment/types.js';
import { openManager } from './open-environment.js';
import { table } from './ps.js';
import { addRegistryTokenOptions, presetRegistry, type RegistryOptions } from './registry-target.js';
import { UsageError } from './usage-error.js';

interface EnvironmentsOptions {
  environments?: string;
}

interface ListOptions extends Omit<RegistryOptions, 'registry'> {
  /** True: that of EXEC_SERVER_REGISTRY. */
  registry?: string | true;
  json?: boolean;
}

export function environmentsCommand(): Command {
  const command = new Command('env').description('Look at the environments that are configured.');
  const file = ['--environments <file>', 'the environments.toml to read'] as const;
  const listing = new Command('list')
    .description('List them, the default first, or those of a registry. Connects to none.')
    .option(...file)
    .option('--registry [url]', 'those that have registered there (default: EXEC_SERVER_REGISTRY)')
    .option('--json', 'with --registry: as JSON, the way the registry tells of them');
  command.addCommand(addRegistryTokenOptions(listing).action(list).exitOverride());
  command.addCommand(
    new Command('status')
      .description('Connect to each, or to one, and say how it stands. Exit code 1 if one cannot be reached.')
      .argument('[id]', 'only this one')
      .option(...file)
      .action(status)
      .exitOverride(),
  );
  return command;
}

async function list({ registry, ...options }: ListOptions): Promise<void> {
  const { environments, json = false, registryTokenEnv, registryTokenFile } = options;
  if (registry !== undefined) {
    if (environments !== undefined) throw new UsageError('expected one of --registry and --environments, got both');
    const url = registry === true ? presetRegistry() : registry;
    if (url === undefined) throw new UsageError('--registry: expected its URL, here or in EXEC_SERVER_REGISTRY');
    const { listRegistry } = await import('./registry-list.js');
    return listRegistry(url, options);
  }
  if (json || (registryTokenEnv ?? registryTokenFile) !== undefined) {
    throw new UsageError('--json and --registry-token-… go with --registry');
  }
  await using manager = await openManager(environments);
  const rows = manager
    .list()
    .map(({ id, description }) => [id, id === manager.defaultId ? 'default' : '', description]);
  process.stdout.write(table([['ID', '', 'WHERE'], ...rows]));
}

async function status(id: string | undefined, { environments }: EnvironmentsOptions): Promise<void> {
  await using manager = await openManager(environments);
  const chosen = id === undefined ? manager.list() : [manager.get(id)];
  const rows = await Promise.all(chosen.map(probe));
  process.stdout.write(table([['ID', 'STATUS', 'DETAIL'], ...rows]));
  if (rows.some(([, state]) => state !== 'ready')) process.exitCode = 1;
}

async function probe(environment: Environment): Promise<string[]> {
  try {
    const { platformOs = 'unknown system', executorVersion = 'unknown version', shell } = await environment.info();
    return [environment.id, 'ready', `${platformOs}, ${shell.name}, ${executorVersion}`];
  } catch (error) {
    return [environment.id, 'disconnected', error instanceof Error ? error.message : String(error)];
  }
}
