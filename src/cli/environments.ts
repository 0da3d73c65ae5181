import { Command } from 'commander';
import type { Environment } from '../environment/types.js';
import { openManager } from './open-environment.js';
import { table } from './ps.js';

interface EnvironmentsOptions {
  environments?: string;
}

export function environmentsCommand(): Command {
  const command = new Command('env').description('Look at the environments that are configured.');
  const file = ['--environments <file>', 'the environments.toml to read'] as const;
  command.addCommand(
    new Command('list')
      .description('List them, the default first. Connects to none.')
      .option(...file)
      .action(list)
      .exitOverride(),
  );
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

async function list({ environments }: EnvironmentsOptions): Promise<void> {
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
