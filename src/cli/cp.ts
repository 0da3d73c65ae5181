import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import { type FileAt, TransferInterruptedError, transferFile } from '../files/transfer-file.js';
import { transferTree } from '../files/transfer-tree.js';
import type { FileMetadata } from '../files/types.js';
import { WireError } from '../protocol/errors.js';
import { failureText, type Operand, Places, parseOperand } from './operand.js';
import { bytesText, ProgressLine, printable } from './progress.js';
import { addTargetOptions, type TargetOptions } from './target.js';
import { UsageError } from './usage-error.js';

/** As shells give it: 128 and the number of SIGINT. */
const EXIT_INTERRUPTED = 130;

interface CopyOptions extends TargetOptions {
  recursive?: boolean;
}

export function cpCommand(): Command {
  const command = new Command('cp')
    .description(
      'Copy files between this machine and others, or between others. A large file that was interrupted goes on.',
    )
    .usage('[options] SOURCE... DESTINATION')
    .argument('<path...>', 'ENV:/path, :/path (where --url, --program or --env say), or a path here')
    .option('-r, --recursive', 'directories, with what is in them');
  return addTargetOptions(command).action(copy);
}

async function copy(paths: string[], options: CopyOptions): Promise<void> {
  const sources = paths.slice(0, -1);
  const destination = paths.at(-1);
  if (destination === undefined || sources.length === 0) throw new UsageError('expected a source and a destination');
  const from = sources.map(parseOperand);
  const to = parseOperand(destination);
  if (to.place === undefined && from.every(({ place }) => place === undefined)) {
    throw new UsageError('both are here: expected ENV:/path or :/path on one side');
  }
  // Every byte passes as several strings that die at once: room for the young to grow would be 40 MB more for nothing.
  setFlagsFromString('--semi-space-growth-factor=1');
  await using places = new Places(options);
  const copying = new Copying(places, to, { recursive: options.recursive ?? false, intoDirectory: from.length > 1 });
  const stop = () => copying.interrupt();
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  try {
    for (const source of from) await copying.copy(source);
  } finally {
    copying.end();
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop);
  }
}

class Copying {
  readonly #places: Places;
  readonly #to: Operand;
  readonly #recursive: boolean;
  /** There are several sources. */
  readonly #intoDirectory: boolean;
  readonly #stop = new AbortController();
  readonly #line = new ProgressLine();
  #filesDone = 0;
  #bytesDone = 0;

  constructor(places: Places, to: Operand, options: { recursive: boolean; intoDirectory: boolean }) {
    this.#places = places;
    this.#to = to;
    this.#recursive = options.recursive;
    this.#intoDirectory = options.intoDirectory;
  }

  /** The first lets what is on the way arrive, the second ends it all. */
  interrupt(): void {
    if (this.#stop.signal.aborted) process.exit(EXIT_INTERRUPTED);
    this.#stop.abort(new Error('interrupted'));
    process.exitCode = EXIT_INTERRUPTED;
  }

  end(): void {
    this.#line.close();
  }

  /** What fails is told; the next source is still copied. */
  async copy(from: Operand): Promise<void> {
    if (this.#stop.signal.aborted) return;
    try {
      const [source, target] = await Promise.all([this.#at(from), this.#at(this.#to)]);
      const metadata = await source.files.getMetadata(source.path);
      target.path = await this.#targetPath(from, target, metadata);
      if (source.files === target.files) {
        await source.files.copy(source.path, target.path, { recursive: this.#recursive });
      } else if (metadata.isDirectory) {
        await this.#copyTree(source, target);
      } else {
        await this.#copyFile(source, target);
      }
    } catch (error) {
      if (error instanceof UsageError) throw error;
      this.#fail(from.text, error);
    }
  }

  async #at(operand: Operand): Promise<FileAt> {
    return { files: await this.#places.filesOf(operand), path: operand.path };
  }

  /** As `cp` has it: into a directory that is there, else under the new name. */
  async #targetPath(from: Operand, target: FileAt, source: FileMetadata): Promise<string> {
    if (source.isDirectory && !this.#recursive)
      throw new Error('is a directory: give -r to copy it with what is in it');
    const there = await metadataIfThere(target);
    if (there?.isDirectory) {
      const name = from.path.slice(from.path.lastIndexOf('/') + 1);
      // `dir/.` is what is in it, not the directory by its name.
      const isContent = name === '' || (source.isDirectory && /(^|\/)\.$/.test(from.text));
      return isContent ? target.path : `${target.path === '/' ? '' : target.path}/${name}`;
    }
    const mustBeDirectory = this.#intoDirectory || (this.#to.text.endsWith('/') && !source.isDirectory);
    if (mustBeDirectory || (there && source.isDirectory)) {
      throw new Error(
        `${this.#to.text} is ${there ? 'not a directory' : 'not there'}: expected a directory to copy into`,
      );
    }
    return target.path;
  }

  async #copyFile(source: FileAt, target: FileAt): Promise<void> {
    const label = printable(source.path.slice(source.path.lastIndexOf('/') + 1));
    let before: number | undefined;
    const { sourceChanged } = await transferFile(source, target, {
      signal: this.#stop.signal,
      onProgress: ({ doneBytes, totalBytes, resumedAt }) => {
        if (before === undefined && resumedAt > 0) this.#line.tell(`${label}: going on at ${bytesText(resumedAt)}`);
        this.#line.update({ label, doneBytes, totalBytes }, doneBytes - (before ?? resumedAt));
        before = doneBytes;
      },
    });
    if (sourceChanged) this.#tellChanged(source.path);
  }

  async #copyTree(source: FileAt, target: FileAt): Promise<void> {
    const underWay = new Map<string, number>();
    await transferTree(source, target, {
      signal: this.#stop.signal,
      onFile: (event) => {
        const before = underWay.get(event.source) ?? (event.type === 'progress' ? event.resumedAt : 0);
        const doneBytes = event.type === 'done' ? event.result.bytes : event.doneBytes;
        underWay.set(event.source, doneBytes);
        if (event.type === 'done') {
          underWay.delete(event.source);
          this.#filesDone++;
          if (event.result.sourceChanged) this.#tellChanged(event.source);
        }
        this.#bytesDone += doneBytes - before;
        const label = `${this.#filesDone} files`;
        this.#line.update({ label, doneBytes: this.#bytesDone, totalBytes: 0 }, doneBytes - before);
      },
      onSkipped: (path, reason) => this.#line.tell(`skipped ${printable(path)}: ${reason}`),
      onFailed: (path, error) => this.#fail(path, error),
    });
  }

  #tellChanged(path: string): void {
    this.#line.tell(`${printable(path)} was written to while it was copied: the copy may be of two minds`);
    process.exitCode ??= 1;
  }

  #fail(text: string, error: unknown): void {
    if (error === this.#stop.signal.reason) this.#line.tell(`${printable(text)}: interrupted`);
    else if (error instanceof TransferInterruptedError && this.#stop.signal.aborted)
      this.#line.tell(`${printable(text)}: ${error.message}`);
    else this.#line.tell(failureText(text, error));
    process.exitCode ??= 1;
  }
}

async function metadataIfThere({ files, path }: FileAt): Promise<FileMetadata | undefined> {
  try {
    return await files.getMetadata(path);
  } catch (error) {
    if (error instanceof WireError && error.kind === 'not_found') return undefined;
    throw error;
  }
}
