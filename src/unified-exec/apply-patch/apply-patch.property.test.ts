import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyHunks } from './apply-hunks.js';
import { parsePatch } from './parse-patch.js';

/** Few words, so that lines repeat, differ by white space alone, and look like syntax. */
const line = fc.constantFrom(
  '',
  ' ',
  'a',
  'b',
  ' a',
  'a ',
  '  b',
  '+',
  '-x',
  '@@',
  '@@ a',
  '*** End Patch',
  '*** Add File: f',
  'é—“',
  '\ta',
);

/** A line of the file that stays or goes, with what is put before it. */
const step = fc.record({ text: line, goes: fc.boolean(), before: fc.array(line, { maxLength: 2 }) });

interface Step {
  text: string;
  goes: boolean;
  before: string[];
}

/** One hunk with the whole file for context: however its lines repeat, there is one place only. */
function wholePatch(steps: readonly Step[], appended: readonly string[]): string {
  const lines = steps.flatMap(({ text, goes, before }) => [
    ...before.map((added) => `+${added}`),
    `${goes ? '-' : ' '}${text}`,
  ]);
  return [
    '*** Begin Patch',
    '*** Update File: f',
    '@@',
    ...lines,
    ...appended.map((added) => `+${added}`),
    '*** End Patch',
  ].join('\n');
}

test('a random edit of a random file, written as a patch, gives the file as it was edited', () => {
  const property = fc.property(
    fc.array(step, { minLength: 1, maxLength: 30 }),
    fc.array(line, { maxLength: 3 }),
    fc.constantFrom('\n', '\r\n'),
    (steps, appended, end) => {
      const whole = (lines: readonly string[]) => lines.map((text) => text + end).join('');
      const before = whole(steps.map(({ text }) => text));
      const after = whole([
        ...steps.flatMap(({ text, goes, before }) => (goes ? before : [...before, text])),
        ...appended,
      ]);
      const [file] = parsePatch(wholePatch(steps, appended));
      if (file?.type !== 'update') throw new Error('expected an update');
      expect(applyHunks(before, file.hunks, 'f')).toBe(after);
    },
  );
  fc.assert(property, { numRuns: 1_000 });
});

test('edits of unique lines need no more than a line of context, and any number of hunks', () => {
  const property = fc.property(
    fc.array(fc.constantFrom('keep', 'change', 'remove', 'insert'), { minLength: 1, maxLength: 60 }),
    fc.boolean(),
    (actions, finalNewline) => {
      const name = (i: number) => `line ${i}`;
      const content = actions.map((_, i) => name(i)).join('\n') + (finalNewline ? '\n' : '');
      const hunks = actions.flatMap((action, i) => {
        if (action === 'change')
          return ['@@', ...(i > 0 && actions[i - 1] === 'keep' ? [` ${name(i - 1)}`] : []), `-${name(i)}`, `+new ${i}`];
        if (action === 'remove') return [`@@`, `-${name(i)}`];
        return action === 'insert' ? [`@@ ${name(i)}`, `+after ${i}`] : [];
      });
      const after = actions.flatMap((action, i) => {
        if (action === 'change') return [`new ${i}`];
        if (action === 'remove') return [];
        return action === 'insert' ? [name(i), `after ${i}`] : [name(i)];
      });
      const endsAsBefore = !finalNewline && actions.at(-1) === 'keep';
      const expected = after.length === 0 ? '' : after.join('\n') + (endsAsBefore ? '' : '\n');
      if (hunks.length === 0) return;
      const [file] = parsePatch(['*** Begin Patch', '*** Update File: f', ...hunks, '*** End Patch'].join('\n'));
      if (file?.type !== 'update') throw new Error('expected an update');
      const result = applyHunks(content, file.hunks, 'f');
      // What becomes the last line because those behind it went keeps the end that it had.
      expect(result).toBe(expected);
    },
  );
  fc.assert(property, { numRuns: 500 });
});

test('whatever text comes, the parser answers with a patch or a PatchError', () => {
  const piece = fc.oneof(
    line,
    fc.constantFrom(
      '*** Begin Patch',
      '*** Update File: x',
      '*** Move to: y',
      '*** Delete File: z',
      '*** End of File',
      ' k',
      '-k',
      '+k',
      '\r',
    ),
  );
  const property = fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (lines, wrapped) => {
    const text = (wrapped ? ['*** Begin Patch', ...lines, '*** End Patch'] : lines).join('\n');
    try {
      expect(parsePatch(text).length).toBeGreaterThan(0);
    } catch (error) {
      expect(error).toMatchObject({
        code: 'invalid_patch',
        message: expect.stringMatching(/^Invalid patch, line \d+: /),
      });
    }
  });
  fc.assert(property, { numRuns: 1_000 });
});
