import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyText } from '../../test/harness/any-text.js';
import { cleanPath, dialectOf, formatPath, PathError, parsePath, pathBytes, pathFromBytes } from './paths.js';

/** A file name as bytes: anything but NUL and slash, and not `.` or `..`. */
const nameBytes = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x78 : byte))))
  .filter((bytes) => !['.', '..'].includes(bytes.toString('latin1')));
const absolutePath = fc
  .array(nameBytes, { maxLength: 4 })
  .map((names) => Buffer.concat(names.flatMap((name) => [Buffer.from('/'), name])))
  .map((bytes) => (bytes.length === 0 ? Buffer.from('/') : bytes));

describe('paths are bytes', () => {
  test('any bytes survive being a string', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(pathBytes(pathFromBytes(Buffer.from(bytes)))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 1_000 },
    );
  });

  test('any well-formed string survives being bytes', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(pathFromBytes(pathBytes(text))).toBe(text);
      }),
    );
  });

  test('different bytes are different strings, also where UTF-8 is broken in the middle of a character', () => {
    const texts = ['c3', 'c328', 'c3a9', 'e282', 'e282ac', 'eda080', 'f09f98', 'f09f9880', 'ff', 'ffc3a9', 'c080'].map(
      (hex) => pathFromBytes(Buffer.from(hex, 'hex')),
    );
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts).toContain('é');
    expect(texts).toContain('😀');
  });

  test('every path survives the wire as a URI', () => {
    fc.assert(
      fc.property(absolutePath, (bytes) => {
        const path = pathFromBytes(bytes);
        const uri = formatPath(path, 'uri');
        expect(uri).toMatch(/^file:\/\/\/[\x21-\x7e]*$/);
        expect(parsePath(uri)).toBe(path);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a path of UTF-8 names survives the wire as plain text', () => {
    fc.assert(
      fc.property(absolutePath, (bytes) => {
        const path = pathFromBytes(bytes);
        fc.pre(path.isWellFormed());
        expect(parsePath(formatPath(path, 'plain'))).toBe(path);
      }),
    );
  });

  test('in plain text undecodable bytes become U+FFFD', () => {
    expect(formatPath(pathFromBytes(Buffer.from('2f61ff62', 'hex')), 'plain')).toBe('/a\ufffdb');
  });
});

describe('plain paths', () => {
  test.each([
    ['/a/b', '/a/b'],
    ['/', '/'],
    ['//a///b', '/a/b'],
    ['/a/./b/.', '/a/b'],
    ['/a/link/../b', '/a/b'],
    ['/../../a', '/a'],
    ['/a/', '/a'],
    ['/a?b#c%20d', '/a?b#c%20d'],
    ['/ä ö', '/ä ö'],
  ])('%s is %s', (wire, path) => {
    expect(dialectOf(wire)).toBe('plain');
    expect(parsePath(wire)).toBe(path);
  });

  test.each([
    ['', /is relative/],
    ['a/b', /is relative/],
    ['.', /is relative/],
    ['~/x', /is relative/],
    ['/a\0b', /NUL/],
    ['http://host/a', /unsupported path URI scheme/],
    ['untitled:a', /unsupported path URI scheme/],
  ])('`%s` is refused', (wire, message) => {
    expect(() => parsePath(wire)).toThrow(PathError);
    expect(() => parsePath(wire)).toThrow(message);
  });
});

describe('file: URIs', () => {
  test.each([
    ['file:///a/b', '/a/b'],
    ['file://localhost/a', '/a'],
    ['file://LOCALHOST/a', '/a'],
    ['FILE:///a', '/a'],
    ['file:/a', '/a'],
    ['file:///', '/'],
    ['file:///a%20b', '/a b'],
    ['file:///a b', '/a b'],
    ['file:///%C3%A9', '/é'],
    ['file:///%c3%a9', '/é'],
    ['file:///é', '/é'],
    ['file:///a%3Fb%23c%25d', '/a?b#c%d'],
    ['file:///a/%2e%2e/b', '/b'],
    ['file:///a/../b//c/', '/b/c'],
    ['file:///100%', '/100%'],
    ['file:///a%zz', '/a%zz'],
  ])('%s is %s', (wire, path) => {
    expect(dialectOf(wire)).toBe('uri');
    expect(parsePath(wire)).toBe(path);
  });

  test.each([
    ['file://other/a', /names the host `other`/],
    ['file:///a?x=1', /query parameters are not allowed/],
    ['file:///a#b', /fragments are not allowed/],
    ['file:///a%00b', /NUL/],
    ['file:///a\0b', /NUL/],
    ['file:///a%2Fb', /escaped slash/],
    ['file:///a%2fb', /escaped slash/],
    ['file:a', /no absolute path/],
    ['file:', /no absolute path/],
    ['file://', /no absolute path/],
    ['file://localhost', /no absolute path/],
  ])('`%s` is refused', (wire, message) => {
    expect(() => parsePath(wire)).toThrow(PathError);
    expect(() => parsePath(wire)).toThrow(message);
  });

  test('are written with everything escaped that a URI cannot hold', () => {
    expect(formatPath('/a b/é?#%/x;y@z', 'uri')).toBe('file:///a%20b/%C3%A9%3F%23%25/x;y@z');
  });
});

test('cleaning twice changes nothing more', () => {
  const part = fc.constantFrom('/', '//', 'a', '.', '..', 'b');
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const once = cleanPath(`/${parts.join('/')}`);
      expect(once).toMatch(/^\/(?:[ab.]+(?:\/[ab.]+)*)?$/);
      expect(cleanPath(once)).toBe(once);
    }),
  );
});

test('an error quotes at most the beginning of a long path', () => {
  expect(() => parsePath('x'.repeat(10_000))).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^.{200,400}$/) }),
  );
});
