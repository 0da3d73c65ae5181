import { once } from 'node:events';
import { Command } from 'commander';
import { readStream } from '../files/read-stream.js';
import { failureText, Places, parseOperandThere } from './operand.js';
import { tell } from './report-connection.js';
import { addTargetOptions, type TargetOptions } from './target.js';
import { UsageError } from './usage-error.js';

export function catCommand(): Command {
  const command = new Command('cat')
    .description('Write the content of files to stdout, one after the other.')
    .argument('<path...>', 'ENV:/path, or an absolute path where --url, --program or --env say');
  return addTargetOptions(command).action(cat);
}

async function cat(paths: string[], options: TargetOptions): Promise<void> {
  const operands = paths.map((path) => parseOperandThere(path, options));
  const readerGone = new AbortController();
  // A reader that has enough, such as `head`, is no failure.
  process.stdout.on('error', () => readerGone.abort());
  await using places = new Places(options);
  for (const operand of operands) {
    try {
      const files = await places.filesOf(operand);
      for await (const chunk of readStream(files, operand.path, { signal: readerGone.signal })) {
        if (!process.stdout.write(chunk)) await once(process.stdout, 'drain', { signal: readerGone.signal });
      }
    } catch (error) {
      if (readerGone.signal.aborted) return;
      if (error instanceof UsageError) throw error;
      tell(failureText(operand.text, error));
      process.exitCode = 1;
    }
  }
}
