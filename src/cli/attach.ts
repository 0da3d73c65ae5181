import { Command } from 'commander';
import { processId } from '../process/types.js';
import { tell } from './report-connection.js';
import { addSessionOptions, openSession, type TargetOptions } from './target.js';
import { followProcess } from './terminal.js';

export function attachCommand(): Command {
  const command = new Command('attach')
    .description('Follow a running process of a session and type into it. Ctrl-] on a terminal leaves it running.')
    .argument('<process>', 'its id, as `ps` shows it');
  return addSessionOptions(command).action(attach);
}

async function attach(id: string, options: TargetOptions & { session: string }): Promise<void> {
  await using client = await openSession(options.session, options);
  const child = await client.processes.adopt(processId(id));
  const { tty } = child.info();
  const { columns, rows } = process.stdout;
  if (tty && process.stdout.isTTY && client.capabilities.has('processResize'))
    await child.resize({ cols: columns, rows });
  const { capabilities } = await client.environmentInfo();
  const end = await followProcess(child, { tty, capabilities: capabilities ?? {}, detachable: true });
  if (end === 'detached') tell(`detached; come back with: exec-server attach --session ${options.session} ${id}`);
  else process.exitCode = end;
}
