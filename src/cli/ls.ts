import { Command } from 'commander';
import type { FileMetadata, FileSystem } from '../files/types.js';
import type { NativePath } from '../protocol/paths.js';
import { failureText, type Operand, Places, parseOperandThere } from './operand.js';
import { printable } from './progress.js';
import { table } from './ps.js';
import { tell } from './report-connection.js';
import { addTargetOptions, type TargetOptions } from './target.js';
import { UsageError } from './usage-error.js';

/** Metadata asked for in one round trip; each answer is some 200 bytes. */
const METADATA_BATCH = 512;

interface ListOptions extends TargetOptions {
  long?: boolean;
}

export function lsCommand(): Command {
  const command = new Command('ls')
    .description('List directories, by name.')
    .argument('<path...>', 'ENV:/path, or an absolute path where --url, --program or --env say')
    .option('-l, --long', 'with type, size in bytes and time of modification');
  return addTargetOptions(command).action(list);
}

async function list(paths: string[], options: ListOptions): Promise<void> {
  const operands = paths.map((path) => parseOperandThere(path, options));
  await using places = new Places(options);
  let first = true;
  for (const operand of operands) {
    try {
      const listing = await listOne(await places.filesOf(operand), operand, options.long ?? false);
      if (operands.length > 1) process.stdout.write(`${first ? '' : '\n'}${shown(operand.text)}:\n`);
      process.stdout.write(listing);
      first = false;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      tell(failureText(operand.text, error));
      process.exitCode = 1;
    }
  }
}

async function listOne(files: FileSystem, { path, text }: Operand, long: boolean): Promise<string> {
  const metadata = await files.getMetadata(path);
  if (!metadata.isDirectory) return long ? table([row(text, metadata)]) : `${shown(text)}\n`;
  const entries = await files.readDirectory(path);
  const names = entries.map(({ fileName }) => fileName).sort();
  if (!long) return names.map((name) => `${shown(name)}\n`).join('');
  return table(await longRows(files, path, names));
}

async function longRows(files: FileSystem, directory: NativePath, names: string[]): Promise<string[][]> {
  const rows: string[][] = [];
  for (let at = 0; at < names.length; at += METADATA_BATCH) {
    const some = names.slice(at, at + METADATA_BATCH);
    const results = await files.batch(
      some.map((name) => ({ op: 'getMetadata', path: directory === '/' ? `/${name}` : `${directory}/${name}` })),
      { stopOnError: false },
    );
    for (const [i, result] of results.entries()) {
      const name = some[i] ?? '';
      // Gone meanwhile, or not ours to look at: the name is still there to be told.
      if (result.status !== 'ok') rows.push(['?', '?'.padStart(SIZE_WIDTH), '?', shown(name)]);
      else rows.push(row(name, result.value as FileMetadata));
    }
  }
  return rows;
}

const SIZE_WIDTH = 12;

function row(name: string, { isDirectory, isFile, isSymlink, size, modifiedAtMs }: FileMetadata): string[] {
  const type = isSymlink ? 'l' : isDirectory ? 'd' : isFile ? '-' : '?';
  const modified = new Date(modifiedAtMs).toISOString().slice(0, 19).replace('T', ' ');
  return [type, String(size ?? '?').padStart(SIZE_WIDTH), modified, shown(name)];
}

/** A terminal gets no control characters; a program gets the name as it is. */
function shown(name: string): string {
  return process.stdout.isTTY ? printable(name) : name;
}
