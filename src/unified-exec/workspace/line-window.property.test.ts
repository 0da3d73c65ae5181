import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineWindow } from './line-window.js';

const piece = fc.oneof(
  fc.constantFrom('\n', '\n\n', '\r\n', 'a', 'long line that is cut'),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
);

test('however a text is cut into pieces, its lines are those that it has', () => {
  const options = fc.record({
    first: fc.integer({ min: 1, max: 8 }),
    maxLines: fc.integer({ min: 1, max: 6 }),
    maxCharacters: fc.integer({ min: 1, max: 40 }),
    maxLineCharacters: fc.integer({ min: 2, max: 10 }),
  });
  const property = fc.property(fc.array(piece, { maxLength: 20 }), options, (pieces, limits) => {
    const window = new LineWindow(limits);
    for (const text of pieces) window.push(text);
    window.end();
    const text = pieces.join('');
    const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
    let characters = 0;
    const expected: unknown[] = [];
    let next: number | undefined;
    for (const [i, line] of lines.entries()) {
      if (i + 1 < limits.first) continue;
      if (expected.length >= limits.maxLines || characters >= limits.maxCharacters) {
        next = i + 1;
        break;
      }
      const shown = shortened(line, limits.maxLineCharacters);
      expected.push({ number: i + 1, text: shown });
      characters += shown.length;
    }
    expect(window.shown).toEqual(expected);
    expect(window.next).toBe(next);
    if (next === undefined) expect(window.count).toBe(lines.length);
  });
  fc.assert(property, { numRuns: 1_000 });
});

function shortened(line: string, max: number): string {
  if (line.length <= max) return line.replace(/\r$/, '');
  const kept = line.slice(0, max).replace(/[\ud800-\udbff]$/, '');
  return `${kept}[… ${line.length - kept.length} more characters]`;
}
