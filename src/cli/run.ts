import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { type ExecProcess, processId } from '../process/types.js';
import { parsePath } from '../protocol/paths.js';
import { tell } from './report-connection.js';
import { addTargetOptions, openTarget, type Target, type TargetOptions } from './target.js';
import { followProcess } from './terminal.js';
import { UsageError } from './usage-error.js';

interface RunOptions extends TargetOptions {
  tty?: boolean;
  directory?: string;
  var: string[];
  name?: string;
  detach?: boolean;
}

export function runCommand(): Command {
  const command = new Command('run')
    .description('Run a command on a server, with its output, its input and its exit code as if it ran here.')
    .argument('<command...>', 'the program and its arguments, after --')
    .option('-t, --tty', 'give it a terminal')
    .option('-C, --directory <dir>', 'run it in this directory of the server')
    .option('-e, --var <name=value>', 'set an environment variable; may be repeated', collect, [])
    .option('--session <name>', 'in this session, which can be come back to; opened when it is new')
    .option('--name <id>', 'the id of the process, for `ps`, `attach` and `kill`')
    .option('--detach', 'leave it running in its session and return at once');
  return addTargetOptions(command).passThroughOptions().action(run);
}

const collect = (value: string, all: string[]) => [...all, value];

async function run(argv: string[], options: RunOptions): Promise<void> {
  const { tty = false, session, detach = false } = options;
  const env = readVariables(options.var);
  const directory = readDirectory(options);
  if (detach && session === undefined) throw new UsageError('--detach goes with --session, by which to come back');
  const target = await openTarget(options);
  let keep = session !== undefined;
  try {
    const child = await start(target, argv, { env, directory, tty, name: options.name });
    if (detach) {
      process.stdout.write(`${child.processId}\n`);
      return;
    }
    const end = await followProcess(child, { tty, capabilities: await capabilitiesOf(target), detachable: keep });
    if (end === 'detached')
      tell(`detached; come back with: exec-server attach --session ${session} ${child.processId}`);
    else process.exitCode = end;
  } catch (error) {
    keep = false;
    throw error;
  } finally {
    await target.close({ keep });
  }
}

export async function capabilitiesOf(target: Pick<Target, 'info'>): Promise<Readonly<Record<string, unknown>>> {
  return (await target.info()).capabilities ?? {};
}

interface ChildOptions {
  env: Record<string, string>;
  directory: string | undefined;
  tty: boolean;
  name: string | undefined;
}

async function start(
  target: Target,
  argv: string[],
  { env, directory, tty, name }: ChildOptions,
): Promise<ExecProcess> {
  const { TERM } = process.env;
  const { columns, rows } = process.stdout;
  const { processResize } = await capabilitiesOf(target);
  return target.processes.start({
    processId: processId(name ?? randomBytes(3).toString('hex')),
    argv: argv as [string, ...string[]], // the argument is required, so there is one
    cwd: directory ?? parsePath((await target.info()).cwd ?? '/'),
    envPolicy: { inherit: 'all', ignoreDefaultExcludes: true, exclude: [], set: {}, includeOnly: [] },
    env: { ...(tty && TERM ? { TERM } : {}), ...env },
    tty,
    pipeStdin: !tty,
    size: tty && processResize === true && process.stdout.isTTY ? { cols: columns, rows } : undefined,
  });
}

/** Without a server of its own, the command runs where its user stands. */
function readDirectory({ directory, url, program, env, session }: RunOptions): string | undefined {
  if (directory === undefined) return (url ?? program ?? env ?? session) === undefined ? process.cwd() : undefined;
  if (!directory.startsWith('/'))
    throw new UsageError(`-C: expected an absolute path on the server, got \`${directory}\``);
  return directory;
}

function readVariables(assignments: string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const assignment of assignments) {
    const at = assignment.indexOf('=');
    if (at <= 0) throw new UsageError(`-e: expected NAME=VALUE, got \`${assignment}\``);
    env[assignment.slice(0, at)] = assignment.slice(at + 1);
  }
  return env;
}
