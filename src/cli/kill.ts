import { Command } from 'commander';
import { processId } from '../process/types.js';
import { addSessionOptions, openSession, type TargetOptions } from './target.js';
import { UsageError } from './usage-error.js';

/** Between TERM and KILL, when nobody names a signal. */
const GRACE_MS = 2_000;

export function killCommand(): Command {
  const command = new Command('kill')
    .description('End a process of a session: TERM, and KILL after two seconds; or send it one signal.')
    .argument('<process>', 'its id, as `ps` shows it')
    .option('-s, --signal <name>', 'send this signal instead, such as INT or SIGUSR1');
  return addSessionOptions(command).action(kill);
}

async function kill(id: string, options: TargetOptions & { session: string; signal?: string }): Promise<void> {
  await using client = await openSession(options.session, options);
  const known = (await client.call('process/list', {})).processes.map((process) => process.processId);
  if (!known.includes(id)) {
    throw new UsageError(
      `there is no process \`${id}\` in this session; expected one of: ${known.join(', ') || '(none)'}`,
    );
  }
  const child = await client.processes.adopt(processId(id));
  if (options.signal !== undefined) return child.signal(options.signal);
  await child.terminate({ graceMs: GRACE_MS });
  await child.ended();
}
