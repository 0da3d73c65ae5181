import { parse } from 'smol-toml';

/**
 * The line, from 1, where the statement begins that brings `path` about, or as much of it as there is. The document must
 * be valid. Asks the parser itself, about ever shorter beginnings of the document, so strings that look like keys cannot
 * mislead it.
 */
export function lineOf(toml: string, path: readonly PropertyKey[]): number {
  const lines = toml.split('\n');
  const there = existingPart(parse(toml), path);
  let low = 1;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const found = existingPart(parseBeginning(lines, middle), there).length === there.length;
    if (found) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first `count` lines, and those that follow up to the end of the statement they stop in. */
function parseBeginning(lines: readonly string[], count: number): unknown {
  for (let end = count; ; end++) {
    try {
      return parse(`${lines.slice(0, end).join('\n')}\n`);
    } catch (error) {
      if (end >= lines.length) throw error; // else the statement goes on
    }
  }
}

function existingPart(value: unknown, path: readonly PropertyKey[]): readonly PropertyKey[] {
  let at = value;
  for (const [depth, key] of path.entries()) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return path.slice(0, depth);
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return path;
}
