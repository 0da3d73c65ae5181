import { Command } from 'commander';
import { addSessionOptions, openSession, type TargetOptions } from './target.js';

export function psCommand(): Command {
  const command = new Command('ps').description('List the processes of a session.');
  return addSessionOptions(command).action(list);
}

async function list(options: TargetOptions & { session: string }): Promise<void> {
  await using client = await openSession(options.session, options);
  const { processes } = await client.call('process/list', {});
  const rows = processes.map((p) => [p.processId, String(p.pid ?? '-'), state(p), p.argv.join(' ')]);
  process.stdout.write(table([['PROCESS', 'PID', 'STATE', 'COMMAND'], ...rows]));
}

function state({ running, exitCode, signal }: { running: boolean; exitCode: number | null; signal: string | null }) {
  return running ? 'running' : signal ? `ended by ${signal}` : `exited ${exitCode}`;
}

/** Columns as wide as their widest cell, the last as it is. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)));
  return rows.map((row) => `${line(row).join('  ')}\n`).join('');
}
