import { LineIndex } from './line-index.js';
import type { Hunk } from './parse-patch.js';
import { PatchError } from './patch-error.js';
import { joinLines, splitLines, type TextLine, usualEnd } from './text-lines.js';

const BYTE_ORDER_MARK = '\ufeff';

/** Lines of the file that are shown to a model whose patch does not fit. */
const SHOWN_LINES = 20;

/** Lines `start` to `end` (exclusive) become those of `lines`. */
interface Replacement {
  start: number;
  end: number;
  lines: TextLine[];
}

/**
 * What the hunks make of a file, found from top to bottom. Lines that are not removed stay as they are, byte for byte, also where
 * the patch writes them a little differently; added ones end as most lines of the file do. Throws PatchError, `patch_mismatch`.
 */
export function applyHunks(content: string, hunks: readonly Hunk[], path: string): string {
  const mark = content.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : '';
  const lines = splitLines(content.slice(mark.length));
  const replacements = new HunkPlacer(lines, path).place(hunks);
  const end = usualEnd(lines);
  const result: TextLine[] = [];
  let at = 0;
  for (const replacement of replacements) {
    for (; at < replacement.start; at++) result.push(lines[at] as TextLine);
    for (const line of replacement.lines) result.push(line);
    at = replacement.end;
  }
  for (; at < lines.length; at++) result.push(lines[at] as TextLine);
  return mark + joinLines(result, end);
}

class HunkPlacer {
  readonly #lines: readonly TextLine[];
  readonly #index: LineIndex;
  readonly #end: '\n' | '\r\n';
  readonly #path: string;
  /** Behind the last hunk, its context included. */
  #cursor = 0;
  /** Behind the last line that was changed: the context after it may be that of the next hunk too. */
  #changedUpTo = 0;

  constructor(lines: readonly TextLine[], path: string) {
    this.#lines = lines;
    this.#index = new LineIndex(lines.map(({ text }) => text));
    this.#end = usualEnd(lines);
    this.#path = path;
  }

  place(hunks: readonly Hunk[]): Replacement[] {
    // What is appended to the file comes last, wherever its hunk stands.
    return hunks.map((hunk) => this.#placeOne(hunk)).sort((a, b) => a.start - b.start);
  }

  #placeOne(hunk: Hunk): Replacement {
    const from = this.#behindAnchors(hunk);
    const old = hunk.lines.filter(({ kind }) => kind !== '+').map(({ text }) => text);
    if (old.length === 0) {
      const appends = hunk.anchors.length === 0 || hunk.atEnd;
      return this.#insert(hunk, appends ? this.#lines.length : from, appends);
    }
    const at = this.#find(hunk, old, from);
    if (at !== undefined) return this.#replace(hunk, at);
    // Models take the end of the last line for one more line.
    const last = hunk.lines.findLastIndex(({ kind }) => kind !== '+');
    const endsBlank = hunk.lines[last]?.kind === ' ' && hunk.lines[last].text === '';
    const shorterAt = endsBlank && old.length > 1 ? this.#find(hunk, old.slice(0, -1), from) : undefined;
    if (shorterAt === undefined) throw this.#mismatch(hunk, old, from);
    return this.#replace({ ...hunk, lines: hunk.lines.toSpliced(last, 1) }, shorterAt);
  }

  #behindAnchors({ anchors, line }: Hunk): number {
    let from = this.#cursor;
    for (const anchor of anchors) {
      const at = this.#index.findAnchor(anchor, from) ?? this.#index.findAnchor(anchor, this.#changedUpTo);
      if (at === undefined) {
        const earlier = this.#index.findAnchor(anchor, 0);
        throw this.#error(
          `Failed to find context '${anchor}' in ${this.#path} (hunk at line ${line} of the patch)`,
          earlier === undefined
            ? 'No line of the file is, or begins with, what stands after @@'
            : `It is line ${earlier + 1} of the file, which an earlier hunk has passed: write the hunks in the order of the file`,
        );
      }
      from = at + 1;
    }
    return from;
  }

  #find({ anchors, atEnd }: Hunk, old: readonly string[], from: number): number | undefined {
    const first = this.#index.find(old, from, atEnd);
    if (first !== undefined) return first;
    // Perhaps the hunk repeats the line of its anchor, or the context that ended the hunk before it.
    const earlier = anchors.length > 0 ? from - 1 : this.#changedUpTo;
    return earlier < from ? this.#index.find(old, earlier, atEnd) : undefined;
  }

  #insert(hunk: Hunk, at: number, appends: boolean): Replacement {
    if (!appends) {
      this.#cursor = at;
      this.#changedUpTo = at;
    }
    return { start: at, end: at, lines: hunk.lines.map(({ text }) => ({ text, end: this.#end })) };
  }

  #replace(hunk: Hunk, at: number): Replacement {
    const lines: TextLine[] = [];
    let next = at;
    let changedUpTo = at;
    for (const { kind, text } of hunk.lines) {
      if (kind === ' ') lines.push(this.#lines[next] as TextLine);
      if (kind === '+') lines.push({ text, end: this.#end });
      if (kind !== '+') next++;
      if (kind !== ' ') changedUpTo = next;
    }
    // The context behind the last change is left to the next hunk.
    lines.length -= next - changedUpTo;
    this.#cursor = next;
    this.#changedUpTo = changedUpTo;
    return { start: at, end: changedUpTo, lines };
  }

  #mismatch(hunk: Hunk, old: readonly string[], from: number): PatchError {
    const what = `Failed to find expected lines in ${this.#path} (hunk at line ${hunk.line} of the patch):\n${old.join('\n')}\n`;
    const elsewhere = this.#index.find(old, 0);
    if (elsewhere !== undefined) {
      const why = hunk.atEnd
        ? 'which is not the end of the file: leave out *** End of File'
        : elsewhere < from
          ? 'which is before the hunk or @@ line above it: write the hunks in the order of the file'
          : 'which an earlier hunk has changed: make one hunk of both';
      return this.#error(what, `They are at line ${elsewhere + 1}, ${why}`);
    }
    const nearest = this.#index.nearest(old);
    if (nearest === undefined) return this.#error(what, 'None of these lines is in the file');
    const count = Math.min(old.length, SHOWN_LINES);
    const shown = this.#index.lines.slice(nearest, nearest + count).join('\n');
    return this.#error(what, `The nearest that the file has, from line ${nearest + 1} on:\n${shown}\n`);
  }

  #error(what: string, why: string): PatchError {
    const advice = 'Read the file again, and write the patch from what it holds now. Nothing was changed.';
    return new PatchError(
      'patch_mismatch',
      `${what}${what.endsWith('\n') ? '' : '. '}${why}${why.endsWith('\n') ? '' : '. '}${advice}`,
    );
  }
}
