import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBase64 } from './base64.js';
import { invalidRequest, WireError } from './errors.js';

test('bytes of every length survive', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(Buffer.from(bytes));
    }),
  );
});

test.each([
  ['white space', 'aGVs bG8', /Invalid symbol 32, offset 4/],
  ['a line break', 'aGVs\nG8=', /Invalid symbol 10, offset 4/],
  ['the URL-safe alphabet', 'ab-_', /Invalid symbol 45, offset 2/],
  ['a symbol outside the alphabet', '@@@@', /Invalid symbol 64, offset 0/],
  ['a symbol outside ASCII', 'abcé', /Invalid symbol 233, offset 3/],
  ['no padding', 'aGVsbG8', /Invalid padding/],
  ['half the padding', 'aGVsbA=', /Invalid padding/],
  ['too much padding', 'aGVs====', /Invalid symbol 61, offset 4/],
  ['three padding symbols', 'a===', /Invalid symbol 61, offset 1/],
  ['padding in the middle', 'aA==aGVs', /Invalid symbol 61, offset 2/],
  ['unused bits that are set, before ==', 'aGVsbB==', /Invalid last symbol, offset 5/],
  ['unused bits that are set, before =', 'aGVsbG9=', /Invalid last symbol, offset 6/],
])('%s is refused, with what and where', (_name, text, message) => {
  expect(() => decodeBase64(text)).toThrow(message);
});

test('a text decodes only if it is exactly what encoding the bytes gives', () => {
  const symbols = fc.constantFrom(...'AZaz09+/=QgBw- ');
  fc.assert(
    fc.property(fc.string({ unit: symbols, maxLength: 12 }), (text) => {
      let bytes: Buffer;
      try {
        bytes = decodeBase64(text);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
        expect(Buffer.from(text, 'base64').toString('base64')).not.toBe(text);
        return;
      }
      expect(bytes.toString('base64')).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});

test('the caller chooses the error', () => {
  const fail = (reason: string) => invalidRequest('invalid_input', `not for me: ${reason}`);
  expect(() => decodeBase64('@', fail)).toThrow(expect.objectContaining({ code: -32600, kind: 'invalid_input' }));
  expect(() => decodeBase64('@')).toThrow(expect.objectContaining({ code: -32602, kind: 'invalid_params' }));
});

test('a message full of base64 decodes', () => {
  const text = 'A'.repeat(48 * 1024 * 1024);
  expect(decodeBase64(text).length).toBe(36 * 1024 * 1024);
});
