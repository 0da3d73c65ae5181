import { describe, expect, test } from 'vitest';
import { decodeMessage } from './envelope.js';
import { scanJson } from './json.js';
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from './limits.js';

const reasonOf = (text: string) => {
  const message = decodeMessage(text);
  return message.type === 'invalid' ? message.reason : undefined;
};

describe('duplicate keys are refused', () => {
  test.each([
    ['at the top', '{"id":1,"method":"m","id":1}', 'id'],
    ['in the params', '{"id":1,"method":"m","params":{"a":1,"b":2,"a":1}}', 'a'],
    ['in an object in an array', '{"id":1,"method":"m","params":[{"a":1},{"a":1,"a":2}]}', 'a'],
    ['after an object that has the key too', '{"id":1,"method":"m","params":{"a":{"a":1},"a":2}}', 'a'],
    ['when one is written with escapes', '{"id":1,"method":"m","params":{"path":1,"p\\u0061th":2}}', 'path'],
    [
      'when both are escaped, each in its own way',
      '{"id":1,"method":"m","params":{"\\u0061":1,"\\u{61}":2}}'.replace('\\u{61}', 'a'),
      'a',
    ],
    ['when the key holds a quote', '{"id":1,"method":"m","params":{"a\\"b":1,"a\\u0022b":2}}', 'a"b'],
    ['when the key is empty', '{"id":1,"method":"m","params":{"":1,"":2}}', ''],
    ['when the key is __proto__', '{"id":1,"method":"m","params":{"__proto__":1,"__proto__":2}}', '__proto__'],
  ])('%s', (_name, text, key) => {
    expect(reasonOf(text)).toContain(`duplicate JSON object key \`${key}\``);
  });

  test('the same key in different objects, or as a value, is no duplicate', () => {
    const text = '{"id":1,"method":"m","params":{"a":{"a":"a"},"b":["a","a",{"a":1},{"a":2}],"c":"id"}}';
    expect(reasonOf(text)).toBeUndefined();
  });
});

describe('nesting', () => {
  // The message itself is one level.
  const nested = (levels: number, open: string, close: string, inner = '1') =>
    `{"method":"m","params":${open.repeat(levels - 1)}${inner}${close.repeat(levels - 1)}}`;

  test.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('%s may be 127 deep, and no deeper', (_name, open, close) => {
    expect(MAX_JSON_DEPTH).toBe(127);
    expect(reasonOf(nested(127, open, close))).toBeUndefined();
    expect(reasonOf(nested(128, open, close))).toContain('recursion limit exceeded');
  });

  test('brackets in strings do not count', () => {
    expect(reasonOf(nested(127, '[', ']', '"[[[[{{{{\\"[["'))).toBeUndefined();
  });

  test('a million brackets are refused for their depth', () => {
    expect(reasonOf('['.repeat(1_000_000))).toContain('recursion limit exceeded');
  });
});

describe('the number of values', () => {
  // The object, the method, the array.
  const withValues = (values: number) =>
    `{"method":"m","params":[${Array(values - 3)
      .fill('1')
      .join()}]}`;

  test('262,144 are read, one more is not', () => {
    expect(MAX_JSON_VALUES).toBe(262_144);
    expect(reasonOf(withValues(262_144))).toBeUndefined();
    expect(reasonOf(withValues(262_145))).toContain('more than 262144 JSON values');
  });

  test.each(['1', '"a"', 'null', 'true', '[]', '{}', '-1.5e3'])('%s counts as one', (value) => {
    expect(() =>
      scanJson(
        `[${Array(MAX_JSON_VALUES - 1)
          .fill(value)
          .join()}]`,
      ),
    ).not.toThrow();
    expect(() => scanJson(`[${Array(MAX_JSON_VALUES).fill(value).join()}]`)).toThrow(/JSON values/);
  });

  test('keys do not count', () => {
    const fields = Array.from({ length: MAX_JSON_VALUES - 1 }, (_, i) => `"${i}":1`);
    expect(() => scanJson(`{${fields.join()}}`)).not.toThrow();
  });

  test('is checked before anything is built from them: too many in a text that is no JSON are still too many', () => {
    expect(reasonOf(`{"method":"m","params":[${'{},'.repeat(MAX_JSON_VALUES)}`)).toContain('JSON values');
  });
});

describe('half a surrogate pair', () => {
  test.each([
    '"\\ud800"',
    '"\\uDFFF"',
    '"a\\udc00\\ud800"',
    '"\\ud83d \\ude00"',
    '{"\\ud800":1}',
  ])('%s is refused', (value) => {
    expect(reasonOf(`{"method":"m","params":${value}}`)).toContain('lone surrogate');
  });

  test.each(['"\\ud83d\\ude00"', '"😀"', '"\\\\ud800"', '"\\ud7ff\\ue000"'])('%s is none', (value) => {
    expect(reasonOf(`{"method":"m","params":${value}}`)).toBeUndefined();
  });
});

test('strings end where JSON says they do, whatever they hold', () => {
  const params = { a: '\\', b: '\\\\"', c: '"}],{', d: '\\"', '"e\\': ':,' };
  expect(decodeMessage(JSON.stringify({ method: 'm', params }))).toMatchObject({ params });
});
