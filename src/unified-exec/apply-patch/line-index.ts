/** Ways to take two lines for the same, the strictest first. */
const LENIENCIES: readonly ((line: string) => string)[] = [
  (line) => line,
  (line) => line.trimEnd(),
  (line) => line.trim(),
  (line) => withPlainPunctuation(line.trim()),
];

/** Of a pattern that fits nowhere, so many lines say where it may have been meant. */
const COMPARED_LINES = 20;

/** Finds lines in a file, however leniently they have to be compared. */
export class LineIndex {
  readonly lines: readonly string[];
  readonly #normalized: (readonly string[])[];

  constructor(lines: readonly string[]) {
    this.lines = lines;
    this.#normalized = [lines];
  }

  /** Where `wanted` stands at or after `from`; `atEnd`: only as the last lines. Strictness goes before order. */
  find(wanted: readonly string[], from: number, atEnd = false): number | undefined {
    const last = this.lines.length - wanted.length;
    const first = atEnd ? Math.max(from, last) : from;
    for (const [level, normalize] of LENIENCIES.entries()) {
      const lines = this.#at(level);
      const pattern = wanted.map(normalize);
      for (let at = first; at <= last; at++) if (pattern.every((line, i) => line === lines[at + i])) return at;
    }
    return undefined;
  }

  /** The first line at or after `from` that is `anchor`, or at least begins with it. */
  findAnchor(anchor: string, from: number): number | undefined {
    const whole = this.find([anchor], from);
    if (whole !== undefined) return whole;
    const beginning = anchor.trim();
    const at = this.#at(2).findIndex((line, i) => i >= from && line.startsWith(beginning));
    return at < 0 ? undefined : at;
  }

  /** Where most of `wanted` stands, at the same distances; undefined where not even one line does. */
  nearest(wanted: readonly string[]): number | undefined {
    const level = LENIENCIES.length - 1;
    const lines = this.#at(level);
    const pattern = wanted.slice(0, COMPARED_LINES).map((line) => LENIENCIES[level]?.(line));
    let best: { at: number; hits: number } | undefined;
    for (let at = 0; at < lines.length; at++) {
      const hits = pattern.filter((line, i) => line !== '' && line === lines[at + i]).length;
      if (hits > (best?.hits ?? 0)) best = { at, hits };
    }
    return best?.at;
  }

  #at(level: number): readonly string[] {
    const normalize = LENIENCIES[level] ?? ((line: string) => line);
    this.#normalized[level] ??= this.lines.map(normalize);
    return this.#normalized[level];
  }
}

/** Models write ASCII where the file has typographic dashes, quotes and spaces. */
function withPlainPunctuation(line: string): string {
  return line
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(/[\u00a0\u2002-\u200a\u202f\u205f\u3000]/g, ' ');
}
