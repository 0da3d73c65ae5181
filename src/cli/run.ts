import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import { ExecServerClient } from '../client/exec-server-client.js';
import { type ExecProcess, processId } from '../process/types.js';
import { parsePath } from '../protocol/paths.js';
import { reportConnection } from './report-connection.js';
import { addTargetOptions, type TargetOptions, targetFrom } from './target.js';
import { followProcess } from './terminal.js';
import { UsageError } from './usage-error.js';

interface RunOptions extends TargetOptions {
  tty?: boolean;
  directory?: string;
  env?: string[];
}

export function runCommand(): Command {
  const command = new Command('run')
    .description('Run a command on a server, with its output, its input and its exit code as if it ran here.')
    .argument('<command...>', 'the program and its arguments, after --')
    .option('-t, --tty', 'give it a terminal')
    .option('-C, --directory <dir>', 'run it in this directory of the server')
    .option('-e, --env <name=value>', 'set an environment variable; may be repeated', collect, []);
  return addTargetOptions(command).passThroughOptions().action(run);
}

const collect = (value: string, all: string[]) => [...all, value];

async function run(argv: string[], options: RunOptions): Promise<void> {
  const env = readVariables(options.env ?? []);
  const directory = readDirectory(options);
  const client = await ExecServerClient.connect(targetFrom(options), {
    clientName: 'exec-server run',
    onStateChange: reportConnection,
  });
  try {
    const child = await start(client, argv, { env, directory, tty: options.tty ?? false });
    process.exitCode = await followProcess(child, { tty: options.tty ?? false, capabilities: client.capabilities });
  } finally {
    await client.close({ terminateProcesses: true });
  }
}

async function start(
  client: ExecServerClient,
  argv: string[],
  { env, directory, tty }: { env: Record<string, string>; directory: string | undefined; tty: boolean },
): Promise<ExecProcess> {
  const { TERM } = process.env;
  const { columns, rows } = process.stdout;
  const knowsSize = tty && client.capabilities.has('processResize') && process.stdout.isTTY;
  return client.processes.start({
    processId: processId(randomUUID()),
    argv: argv as [string, ...string[]], // the argument is required, so there is one
    cwd: directory ?? parsePath((await client.environmentInfo()).cwd ?? '/'),
    envPolicy: { inherit: 'all', ignoreDefaultExcludes: true, exclude: [], set: {}, includeOnly: [] },
    env: { ...(tty && TERM ? { TERM } : {}), ...env },
    tty,
    pipeStdin: !tty,
    size: knowsSize ? { cols: columns, rows } : undefined,
  });
}

/** Without a server of its own, the command runs where its user stands. */
function readDirectory({ directory, url, program }: RunOptions): string | undefined {
  if (directory === undefined) return url === undefined && program === undefined ? process.cwd() : undefined;
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
