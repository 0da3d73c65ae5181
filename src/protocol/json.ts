import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from './limits.js';

/** What `scanJson` learnt on its way. */
export interface JsonScan {
  /** The raw text of the number that is the top-level `id`, if there is one: large integers do not survive JSON.parse. */
  topLevelIdNumber: string | undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Checks what JSON.parse lets pass: duplicate object keys, nesting, number of values, lone surrogates.
 * Whether `text` is JSON at all is left to JSON.parse: of other text this may find nothing wrong.
 * Costs one pass; strings are skipped with `indexOf`, so a large base64 field is cheap.
 * Throws an Error whose message says what is wrong.
 */
export function scanJson(text: string, maxValues: number = MAX_JSON_VALUES): JsonScan {
  const openKeys: (Set<string> | undefined)[] = [];
  let keys: Set<string> | undefined; // of the innermost object; undefined inside an array
  let expectKey = false;
  let lastKey = '';
  let values = 0;
  let topLevelIdNumber: string | undefined;
  let i = 0;

  const countValue = () => {
    if (++values > maxValues) throw new Error(`the message holds more than ${maxValues} JSON values`);
  };
  const open = (inner: Set<string> | undefined) => {
    countValue();
    openKeys.push(keys);
    if (openKeys.length > MAX_JSON_DEPTH) throw new Error(`recursion limit exceeded: deeper than ${MAX_JSON_DEPTH}`);
    keys = inner;
    expectKey = inner !== undefined;
  };

  while (i < text.length) {
    const c = text.charCodeAt(i);
    switch (c) {
      case QUOTE: {
        const end = endOfString(text, i);
        const raw = text.slice(i, end);
        checkSurrogates(raw);
        if (expectKey && keys !== undefined) {
          const key = raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1);
          if (keys.has(key)) throw new Error(`duplicate JSON object key \`${key}\` at column ${i + 1}`);
          keys.add(key);
          lastKey = key;
          expectKey = false;
        } else {
          countValue();
        }
        i = end;
        break;
      }
      case OPEN_BRACE:
        open(new Set());
        i++;
        break;
      case OPEN_BRACKET:
        open(undefined);
        i++;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        keys = openKeys.pop();
        expectKey = false;
        i++;
        break;
      case COMMA:
        expectKey = keys !== undefined;
        i++;
        break;
      case COLON:
        i++;
        break;
      default: {
        if (c <= 0x20) {
          i++;
          break;
        }
        countValue(); // a number, true, false or null
        const start = i;
        while (i < text.length && !isDelimiter(text.charCodeAt(i))) i++;
        if (openKeys.length === 1 && keys !== undefined && lastKey === 'id') topLevelIdNumber = text.slice(start, i);
      }
    }
  }
  return { topLevelIdNumber };
}

function endOfString(text: string, start: number): number {
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) throw new Error(`unterminated string at column ${start + 1}`);
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

const MAYBE_SURROGATE = /\\u[dD][89a-fA-F]/;

/** Text arrives as valid UTF-8, so only an escape can smuggle in half a surrogate pair. Peers refuse it, and so do we. */
function checkSurrogates(raw: string): void {
  if (MAYBE_SURROGATE.test(raw) && /[\ud800-\udfff]/u.test(String(JSON.parse(raw)))) {
    throw new Error('a string holds a lone surrogate escape');
  }
}

function isDelimiter(c: number): boolean {
  return c <= 0x20 || c === COMMA || c === CLOSE_BRACE || c === CLOSE_BRACKET;
}
