/** More alternatives than this in one pattern are taken for a mistake: `{a,b}` ten times over is 1024 patterns. */
export const MAX_ALTERNATIVES = 1024;

/**
 * The patterns without `{…}` that a pattern stands for: `a{b,c}` is `ab` and `ac`. Braces nest; `\{` and braces in `[…]` are
 * plain characters. Undefined where the braces do not pair up, or stand for more than MAX_ALTERNATIVES.
 */
export function expandBraces(pattern: string): string[] | undefined {
  const done: string[] = [];
  const pending = [pattern];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const group = firstGroup(next);
    if (group === 'unpaired' || done.length + pending.length > MAX_ALTERNATIVES) return undefined;
    if (group === undefined) done.push(next);
    else pending.push(...group);
  }
  return done;
}

/** The pattern with its first group replaced by each alternative in turn; undefined where there is no group. */
function firstGroup(pattern: string): string[] | 'unpaired' | undefined {
  let depth = 0;
  let open = 0;
  let cuts: number[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i];
    if (char === '\\') i++;
    else if (char === '[') i = endOfClass(pattern, i) ?? i;
    else if (char === '{' && depth++ === 0) {
      open = i;
      cuts = [i];
    } else if (char === ',' && depth === 1) cuts.push(i);
    else if (char === '}') {
      if (depth === 0) return 'unpaired';
      if (--depth > 0) continue;
      const ends = [...cuts.slice(1), i];
      return cuts.map((cut, n) => pattern.slice(0, open) + pattern.slice(cut + 1, ends[n]) + pattern.slice(i + 1));
    }
  }
  return depth > 0 ? 'unpaired' : undefined;
}

/** Where the `[…]` that opens at `start` closes. A `]` right after `[`, `[!` or `[^` is one of its characters. */
export function endOfClass(pattern: string, start: number): number | undefined {
  let i = start + 1;
  if (pattern[i] === '!' || pattern[i] === '^') i++;
  if (pattern[i] === ']') i++;
  for (; i < pattern.length && pattern[i] !== '/'; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === ']') return i;
  }
  return undefined;
}
