import { resolve } from 'node:path';
import { LocalFileSystem } from '../files/local/local-file-system.js';
import type { FileSystem } from '../files/types.js';
import { cleanPath, type NativePath } from '../protocol/paths.js';
import { openTarget, type Target, type TargetOptions } from './target.js';
import { UsageError } from './usage-error.js';

/** A path on the command line, and where it is. */
export interface Operand {
  /** As it was given. */
  text: string;
  /** An environment's id; `''`: where --url, --program or --env say; undefined: here. */
  place: string | undefined;
  path: NativePath;
}

/** `ENV:/path`, `:/path`, or a path of this machine. A colon after a slash is part of a name, as for scp. */
export function parseOperand(text: string): Operand {
  const match = /^([A-Za-z0-9_-][A-Za-z0-9._-]*|):(.*)$/s.exec(text);
  if (!match) {
    if (text === '') throw new UsageError('expected a path, got nothing');
    return { text, place: undefined, path: resolve(text) };
  }
  const [, place = '', path = ''] = match;
  if (!path.startsWith('/')) {
    throw new UsageError(
      `\`${text}\`: expected an absolute path after the colon (for a file of that name here, write \`./${text}\`)`,
    );
  }
  return { text, place, path: cleanPath(path) };
}

/** Opens the places that operands name, each once. */
export class Places implements AsyncDisposable {
  readonly #options: TargetOptions;
  readonly #here = new LocalFileSystem();
  readonly #targets = new Map<string, Promise<Target>>();

  constructor(options: TargetOptions) {
    this.#options = options;
  }

  async filesOf({ text, place }: Operand): Promise<FileSystem> {
    if (place === undefined) return this.#here;
    const known = this.#targets.get(place) ?? openTarget(this.#optionsFor(place, text));
    this.#targets.set(place, known);
    return (await known).files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#targets.values());
    for (const target of opened) if (target.status === 'fulfilled') await target.value.close({ keep: false });
  }

  #optionsFor(place: string, text: string): TargetOptions {
    const { url, program, tokenEnv, env, environments, registry, ...rest } = this.#options;
    const lookup = { ...(environments !== undefined && { environments }), ...(registry !== undefined && { registry }) };
    if (place !== '') return { ...rest, ...lookup, env: place };
    if ((url ?? program ?? env) === undefined) {
      throw new UsageError(
        `\`${text}\`: expected --url, --program or --env to say where that is, or ENV:${text.slice(1)}`,
      );
    }
    return {
      ...rest,
      ...(url !== undefined && { url }),
      ...(program !== undefined && { program }),
      ...(tokenEnv !== undefined && { tokenEnv }),
      ...(env !== undefined && { ...lookup, env }),
    };
  }
}

/** For `ls` and `cat`: with --url, --program or --env a path without a colon is there too. */
export function parseOperandThere(text: string, { url, program, env }: TargetOptions): Operand {
  const isThere = (url ?? program ?? env) !== undefined;
  return parseOperand(isThere && text.startsWith('/') ? `:${text}` : text);
}

/** What a failure says, with the path if it does not name it already. */
export function failureText(text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const path = text.replace(/^[^/]*:/, '');
  return message.includes(path) ? message : `${text}: ${message}`;
}
