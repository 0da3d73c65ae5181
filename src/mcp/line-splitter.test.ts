import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from './line-splitter.js';

const refuse = () => {
  throw new Error('too long');
};

function split(bytes: Buffer, cuts: number[], splitter = new LineSplitter(1000, refuse)): string[] {
  const at = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  return at.slice(1).flatMap((end, i) => [...splitter.push(bytes.subarray(at[i], end))]);
}

test('lines come out as they went in, wherever the bytes are cut', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat()), (lines, cuts) => {
      expect(split(Buffer.from(lines.map((text) => `${text}\n`).join('')), cuts)).toEqual(lines);
    }),
  );
});

test('the carriage return of a line end is no part of the line', () => {
  expect(split(Buffer.from('a\r\n\r\nb\n'), [2])).toEqual(['a', '', 'b']);
});

test('a line of exactly the limit passes, one byte more does not', () => {
  const splitter = () => new LineSplitter(4, refuse);
  expect(split(Buffer.from('1234\n'), [2], splitter())).toEqual(['1234']);
  expect(() => split(Buffer.from('12345'), [2], splitter())).toThrow('too long');
});

test('where a long line may be cut, nothing of it is lost', () => {
  const splitter = new LineSplitter(4, (start) => start);
  expect([...split(Buffer.from('123456789\nx'), [], splitter), splitter.rest()]).toEqual(['1234', '5678', '9', 'x']);
});
