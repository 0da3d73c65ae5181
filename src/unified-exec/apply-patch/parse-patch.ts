import { PatchError } from './patch-error.js';

/** What a patch does to one file; paths as they are written. */
export type FilePatch =
  | { type: 'add'; path: string; content: string }
  | { type: 'delete'; path: string }
  /** Without hunks it only moves. */
  | { type: 'update'; path: string; moveTo: string | undefined; hunks: Hunk[] };

export interface Hunk {
  /** Where it begins in the patch, counted from 1. */
  line: number;
  /** What stands after `@@`: lines that come, one after the other, before what is changed. */
  anchors: string[];
  lines: HunkLine[];
  /** It ends where the file ends. */
  atEnd: boolean;
}

/** Context, removed, added. The text is without the line end. */
export interface HunkLine {
  kind: ' ' | '-' | '+';
  text: string;
}

const BEGIN = '*** Begin Patch';
const END = '*** End Patch';
const END_OF_FILE = '*** End of File';
const HEADER = /^\s*\*\*\* (Add|Delete|Update) File:(.*)$/;
const MOVE = /^\s*\*\*\* Move to:(.*)$/;
const HEREDOC = /^\s*(?:apply_patch\s+)?<<-?\s*(['"]?)(\w+)\1\s*$/;
/** Of a unified diff: where its numbers say is not looked. */
const UNIFIED_HEADER = /^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@/;

/**
 * Reads the `*** Begin Patch` format. Beyond what Codex takes: several `@@` lines in a row, as models are told to write them,
 * the numbers of a unified diff, blank lines between files, and an update that only moves. Throws PatchError, `invalid_patch`.
 */
export function parsePatch(text: string): FilePatch[] {
  return new PatchParser(text).parse();
}

class PatchParser {
  /** With a carriage return at its end a line is the same line. */
  readonly #lines: string[];
  #at: number;
  #end: number;

  constructor(text: string) {
    this.#lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
    this.#at = 0;
    this.#end = this.#lines.length;
    this.#trim();
    const heredoc = HEREDOC.exec(this.#line);
    if (heredoc && this.#last.trim() === heredoc[2]) {
      this.#at++;
      this.#end--;
      this.#trim();
    }
  }

  parse(): FilePatch[] {
    if (this.#line.trim() !== BEGIN)
      this.#fail(`the first line of the patch must be '${BEGIN}', got ${quote(this.#line)}`);
    if (this.#last.trim() !== END) {
      this.#at = this.#end - 1;
      this.#fail(`the last line of the patch must be '${END}', got ${quote(this.#last)}`);
    }
    this.#at++;
    this.#end--;
    const files: FilePatch[] = [];
    for (this.#skipBlank(); this.#more; this.#skipBlank()) files.push(this.#file());
    if (files.length === 0) this.#fail('the patch names no file: it was empty');
    return files;
  }

  #file(): FilePatch {
    const [, action, rest = ''] = HEADER.exec(this.#line) ?? [];
    const path = rest.trim();
    if (!action || !path) {
      this.#fail(
        `${quote(this.#line)} is not a valid hunk header. Valid hunk headers: '*** Add File: {path}', '*** Delete File: {path}', '*** Update File: {path}'`,
      );
    }
    this.#at++;
    if (action === 'Add') return { type: 'add', path, content: this.#addedContent() };
    if (action === 'Delete') return { type: 'delete', path };
    return this.#update(path);
  }

  #addedContent(): string {
    const start = this.#at;
    while (this.#more && this.#line.startsWith('+')) this.#at++;
    return this.#lines.slice(start, this.#at).reduce((content, line) => `${content}${line.slice(1)}\n`, '');
  }

  #update(path: string): FilePatch {
    const header = this.#at - 1;
    const moveTo = MOVE.exec(this.#line)?.[1]?.trim();
    if (moveTo === '') this.#fail("expected '*** Move to: {path}'");
    if (moveTo !== undefined) this.#at++;
    const hunks: Hunk[] = [];
    for (;;) {
      if (this.#onlyBlankUntilNextFile()) break;
      hunks.push(this.#hunk(hunks.length === 0));
    }
    if (hunks.length === 0 && moveTo === undefined) {
      this.#at = header;
      this.#fail(`the update of '${path}' is empty: expected hunks, or '*** Move to: {path}'`);
    }
    return { type: 'update', path, moveTo, hunks };
  }

  #hunk(isFirst: boolean): Hunk {
    const start = this.#at;
    const anchors: string[] = [];
    for (; this.#more && /^@@(?: |$)/.test(this.#line); this.#at++) {
      const anchor = this.#line.slice(3);
      if (anchor.trim() !== '' && !UNIFIED_HEADER.test(this.#line)) anchors.push(anchor);
    }
    if (start === this.#at && !isFirst) {
      this.#fail(`expected the hunk to start with a @@ context marker, got ${quote(this.#line)}`);
    }
    const lines: HunkLine[] = [];
    for (; this.#more && !/^(?:@@(?: |$)|\*\*\* )/.test(this.#line); this.#at++) {
      if (this.#line === '' && this.#onlyBlankUntilNextFile()) break;
      lines.push(this.#hunkLine());
    }
    const atEnd = this.#more && this.#line.trimEnd() === END_OF_FILE;
    if (atEnd) this.#at++;
    if (lines.length === 0) this.#fail("the hunk is empty: expected lines that start with ' ', '+' or '-'", start);
    return { line: start + 1, anchors, lines, atEnd };
  }

  #hunkLine(): HunkLine {
    const kind = this.#line[0];
    // Models leave out the space of a context line that is empty.
    if (kind === undefined) return { kind: ' ', text: '' };
    if (kind !== ' ' && kind !== '-' && kind !== '+') {
      this.#fail(
        `unexpected line in an update hunk: ${quote(this.#line)}. Every line should start with ' ' (context line), '+' (added line), or '-' (removed line)`,
      );
    }
    return { kind, text: this.#line.slice(1) };
  }

  /** Blank lines before the header of the next file are no context. */
  #onlyBlankUntilNextFile(): boolean {
    let next = this.#at;
    while (next < this.#end && this.#lines[next] === '') next++;
    return next >= this.#end || /^\*\*\* (?:Add|Delete|Update) File:/.test(this.#lines[next] ?? '');
  }

  #skipBlank(): void {
    while (this.#more && this.#line.trim() === '') this.#at++;
  }

  #trim(): void {
    this.#skipBlank();
    while (this.#end > this.#at && this.#last.trim() === '') this.#end--;
  }

  get #more(): boolean {
    return this.#at < this.#end;
  }

  get #line(): string {
    return this.#lines[this.#at] ?? '';
  }

  get #last(): string {
    return this.#lines[this.#end - 1] ?? '';
  }

  #fail(problem: string, at = this.#at): never {
    throw new PatchError('invalid_patch', `Invalid patch, line ${at + 1}: ${problem}. Nothing was changed.`);
  }
}

function quote(line: string): string {
  return `'${line.length > 200 ? `${line.slice(0, 200)}…` : line}'`;
}
