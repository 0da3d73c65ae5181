import { cleanPath, type NativePath } from '../protocol/paths.js';
import { endOfClass, expandBraces } from './brace-expansion.js';
import { isAtOrBelow, parentOf } from './path-order.js';

/**
 * A pattern without braces: `*` and `?` within a name, `**` as a whole name for any number of names, `[a-z]`, `[!a-z]`, and
 * `\` before a character that is to mean itself. Names that begin with a dot are no exception.
 */
export interface Glob {
  /** The leading names without wildcards. */
  base: NativePath;
  /** The names after `base`, as the source of a regular expression; undefined: `base` itself and everything below. */
  rest: string | undefined;
  /** How many names that can be; undefined: any number. */
  maxDepth: number | undefined;
}

/** Longer ones are taken for malformed. */
const MAX_PATTERN_LENGTH = 4096;

/**
 * What a pattern stands for; a relative one begins at `cwd`. A malformed pattern stands for everything it could have meant:
 * its leading names without wildcards, and all below.
 */
export function compileGlobs(pattern: string, cwd: NativePath): { globs: Glob[]; malformed: boolean } {
  const expanded = pattern.length > MAX_PATTERN_LENGTH ? undefined : expandBraces(pattern);
  const globs = expanded?.map((one) => compileGlob(one, cwd));
  if (globs?.every((glob) => glob !== undefined)) return { globs, malformed: false };
  const { base } = splitBase(pattern, cwd);
  return { globs: [{ base, rest: undefined, maxDepth: undefined }], malformed: true };
}

const WILD = /[*?[\]{}\\]/;

/** A pattern's leading names without wildcards, and the others. */
function splitBase(pattern: string, cwd: NativePath): { base: NativePath; rest: string[] } {
  const names = pattern.split('/').filter((name) => name !== '' && name !== '.');
  const firstWild = names.findIndex((name) => WILD.test(name));
  const count = firstWild === -1 ? names.length : firstWild;
  const start = pattern.startsWith('/') ? '' : cwd;
  return { base: cleanPath(`${start}/${names.slice(0, count).join('/')}`), rest: names.slice(count) };
}

/** Undefined where it is malformed. */
function compileGlob(pattern: string, cwd: NativePath): Glob | undefined {
  if (pattern === '' || pattern.includes('\0')) return undefined;
  const { base, rest } = splitBase(pattern, cwd);
  if (rest.length === 0) return literalGlob(base);
  // What `..` after a wildcard leads to depends on links.
  if (rest.includes('..')) return undefined;
  const sources = rest.map(nameSource);
  if (!sources.every((source) => source !== undefined)) return undefined;
  return {
    base,
    rest: joinNames(rest, sources),
    maxDepth: rest.includes('**') ? undefined : rest.length,
  };
}

/** A pattern without wildcards: it matches one path. */
function literalGlob(path: NativePath): Glob {
  if (path === '/') return { base: path, rest: undefined, maxDepth: undefined };
  const base = parentOf(path);
  const name = path.slice(base === '/' ? 1 : base.length + 1);
  return { base, rest: [...name].map(escapeRegExp).join(''), maxDepth: 1 };
}

function joinNames(names: readonly string[], sources: readonly string[]): string {
  return names
    .map((name, i) => {
      const last = i === names.length - 1;
      if (name !== '**') return last ? sources[i] : `${sources[i]}/`;
      if (last) return '.+';
      return names[i + 1] === '**' ? '' : '(?:[^/]+/)*';
    })
    .join('');
}

/** A regular expression for one name of a pattern. Undefined where it is malformed. */
function nameSource(name: string): string | undefined {
  let source = '';
  for (let i = 0; i < name.length; ) {
    const char = String.fromCodePoint(name.codePointAt(i) ?? 0);
    if (char === '[') {
      const end = endOfClass(name, i);
      const set = end === undefined ? undefined : classSource(name.slice(i + 1, end));
      if (end === undefined || set === undefined) return undefined;
      source += set;
      i = end + 1;
      continue;
    }
    if (char === '\\') {
      const escaped = name.codePointAt(i + 1);
      if (escaped === undefined) return undefined;
      const literal = String.fromCodePoint(escaped);
      source += escapeRegExp(literal);
      i += 1 + literal.length;
      continue;
    }
    if (char === '*') {
      if (name[i - 1] !== '*') source += '[^/]*';
    } else source += char === '?' ? '[^/]' : escapeRegExp(char);
    i += char.length;
  }
  return source;
}

/** The inside of `[…]`. Undefined for a range that runs backwards, and for `[:alpha:]`, which is not in this language. */
function classSource(inside: string): string | undefined {
  const negated = /^[!^]/.test(inside);
  const chars = [...(negated ? inside.slice(1) : inside)];
  if (chars.join('').includes('[:')) return undefined;
  const items: { char: string; range: boolean }[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? '';
    if (char === '\\') items.push({ char: chars[++i] ?? '', range: false });
    else items.push({ char, range: char === '-' });
  }
  let set = '';
  for (let i = 0; i < items.length; i++) {
    const from = items[i]?.char ?? '';
    const to = items[i + 1]?.range ? items[i + 2]?.char : undefined;
    if (to === undefined) {
      set += escapeRegExp(from);
      continue;
    }
    if ((from.codePointAt(0) ?? 0) > (to.codePointAt(0) ?? 0)) return undefined;
    set += `${escapeRegExp(from)}-${escapeRegExp(to)}`;
    i += 2;
  }
  return negated ? `[^/${set}]` : `(?!/)[${set}]`;
}

function escapeRegExp(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char === '-' ? '\\x2d' : char;
}

/** Functions that say whether a glob matches a path itself, and whether it matches it or a directory that it is in. */
export function globMatchers(glob: Glob): Record<'matches' | 'covers', (path: NativePath) => boolean> {
  const { base, rest } = glob;
  if (rest === undefined) {
    const covers = (path: NativePath) => isAtOrBelow(path, base);
    return { matches: covers, covers };
  }
  const itself = new RegExp(`^(?:${rest})$`, 'su');
  const orBelow = new RegExp(`^(?:${rest})(?:/.*)?$`, 'su');
  const start = base === '/' ? 1 : base.length + 1;
  const below = (path: NativePath) => path.length > start && isAtOrBelow(path, base);
  return {
    matches: (path) => below(path) && itself.test(path.slice(start)),
    covers: (path) => below(path) && orBelow.test(path.slice(start)),
  };
}
