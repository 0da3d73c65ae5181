import { expect, test } from 'vitest';
import { applyHunks } from './apply-hunks.js';
import { type FilePatch, parsePatch } from './parse-patch.js';

function update(content: string, hunks: string): string {
  const [file] = parsePatch(`*** Begin Patch\n*** Update File: f\n${hunks}\n*** End Patch`);
  return applyHunks(content, (file as FilePatch & { type: 'update' }).hunks, 'f');
}

const abc = 'a\nb\nc\nd\ne\n';

// Seen of Codex 0.169.
test.each([
  ['a first hunk without @@', abc, ' a\n-b\n+B', 'a\nB\nc\nd\ne\n'],
  ['several hunks', abc, '@@\n-a\n+A\n@@\n-d\n+D', 'A\nb\nc\nD\ne\n'],
  ['an insertion without context goes to the end', abc, '@@\n+X', `${abc}X\n`],
  ['the end is the end, also for a hunk before others', abc, '@@\n+X\n@@\n-a\n+A', 'A\nb\nc\nd\ne\nX\n'],
  ['what stands after @@ tells two places apart', 'x\n a\n1\ny\n a\n1\n', '@@ y\n  a\n-1\n+2', 'x\n a\n1\ny\n a\n2\n'],
  ['@@ is compared leniently', '  def foo:  \n  1\n', '@@ def foo:\n-  1\n+  2', '  def foo:  \n  2\n'],
  ['the first of several places counts', 'x\na\nx\na\n', '@@\n-a\n+A', 'x\nA\nx\na\n'],
  ['an exact place later wins over a similar one earlier', 'a  \nq\na\n', '@@\n-a\n+A', 'a  \nq\nA\n'],
  ['trailing white space', 'a  \nb\t\nc\n', '@@\n a\n-b\n+B\n c', 'a  \nB\nc\n'],
  ['surrounding white space', '  a\n  b\nc\n', '@@\n a\n-b\n+B\n c', '  a\nB\nc\n'],
  ['typographic punctuation', 'a — “q”\nb’s\u00a0x\nc\n', '@@\n a - "q"\n-b\'s x\n+B', 'a — “q”\nB\nc\n'],
  ['CRLF stays', 'a\r\nb\r\nc\r\n', '@@\n a\n-b\n+B\n+B2\n c', 'a\r\nB\r\nB2\r\nc\r\n'],
  ['a patch with CRLF for a file with LF', abc, '@@\r\n-b\r\n+B\r', 'a\nB\nc\nd\ne\n'],
  ['a last line without newline that is replaced gets one', 'a\nb', '@@\n a\n-b\n+B', 'a\nB\n'],
  ['*** End of File means the last place', 'a\nb\na\n', '@@\n-a\n+A\n*** End of File', 'a\nb\nA\n'],
  ['*** End of File with an insertion', 'x\na\n', '@@\n+end\n*** End of File', 'x\na\nend\n'],
  ['an empty file', '', '@@\n+x', 'x\n'],
  ['all lines removed', 'a\n', '@@\n-a', ''],
  ['an empty context line without its space', 'a\n\nb\n', '@@\n a\n\n-b\n+B', 'a\n\nB\n'],
  ['a blank line after the last line of the file', abc, '@@\n d\n-e\n+E\n ', 'a\nb\nc\nd\nE\n'],
  ['context alone changes nothing', abc, '@@\n b\n c', abc],
  ['a line that looks like the end of a patch', abc, '@@\n-b\n+*** End Patch', 'a\n*** End Patch\nc\nd\ne\n'],
])('%s', (_, content, hunks, expected) => {
  expect(update(content, hunks)).toBe(expected);
});

// Where Codex 0.169 refuses, or does something else.
test.each([
  [
    'several @@ lines lead to one place',
    'A\n def m\n  1\nB\n def m\n  1\n',
    '@@ B\n@@ def m\n-  1\n+  2',
    'A\n def m\n  1\nB\n def m\n  2\n',
  ],
  ['@@ may be the beginning of a line', 'class A(B):\n  1\n', '@@ class A\n-  1\n+  2', 'class A(B):\n  2\n'],
  ['@@ may be repeated as context', 'def foo\n  1\n', '@@ def foo\n def foo\n-  1\n+  2', 'def foo\n  2\n'],
  ['an insertion goes behind its @@ line', abc, '@@ b\n+X', 'a\nb\nX\nc\nd\ne\n'],
  ['two hunks share a context line', abc, '@@\n-b\n+B\n c\n@@\n c\n-d\n+D', 'a\nB\nc\nD\ne\n'],
  ['the numbers of a unified diff are passed over', abc, '@@ -2,1 +2,1 @@\n-b\n+B', 'a\nB\nc\nd\ne\n'],
  ['a last line without newline that is not touched stays', 'a\nb', '@@\n-a\n+A', 'A\nb'],
  ['what follows a last line without newline begins a new one', 'a\nb', '@@\n b\n+c', 'a\nb\nc\n'],
  ['each line keeps its own end', 'a\r\nb\nc\r\n', '@@\n a\n-b\n+B\n c', 'a\r\nB\r\nc\r\n'],
  ['a lone carriage return is no line end', 'a\rb\nc\n', '@@\n-c\n+C', 'a\rb\nC\n'],
  ['a byte order mark stays, and is no part of the first line', '\ufeffa\nb\n', '@@\n-a\n+A', '\ufeffA\nb\n'],
])('%s', (_, content, hunks, expected) => {
  expect(update(content, hunks)).toBe(expected);
});

test.each([
  [
    'lines that are not there',
    '@@\n-zz\n+B',
    'Failed to find expected lines in f (hunk at line 3 of the patch):\nzz\nNone of these lines is in the file.',
  ],
  [
    'lines that are nearly there',
    '@@\n b\n-x\n d',
    'b\nx\nd\nThe nearest that the file has, from line 2 on:\nb\nc\nd\nRead the file again',
  ],
  [
    'an order that is not that of the file',
    '@@\n-d\n+D\n@@\n-b\n+B',
    'at line 2, which is before the hunk or @@ line above it',
  ],
  [
    'an end that is not the end',
    '@@\n-b\n+B\n*** End of File',
    'at line 2, which is not the end of the file: leave out',
  ],
  [
    'an unknown @@',
    '@@ zzz\n-b\n+B',
    "Failed to find context 'zzz' in f (hunk at line 3 of the patch). No line of the file is",
  ],
  ['an @@ that was passed', '@@\n-d\n+D\n@@ b\n-c', 'It is line 2 of the file, which an earlier hunk has passed'],
  ['a line that is not blank', '@@\n d\n-e\n-', 'd\ne\n\nThe nearest'],
])('refuses %s, and says what the file has', (_, hunks, message) => {
  expect(() => update(abc, hunks)).toThrow(message);
  expect(() => update(abc, hunks)).toThrow(/write the patch from what it holds now\. Nothing was changed\.$/);
});

test('a large file is patched at both ends', () => {
  const lines = Array.from({ length: 300_000 }, (_, i) => `line ${i} ${'x'.repeat(20)}`);
  const content = `${lines.join('\n')}\n`;
  const last = lines.at(-1);
  const patched = update(content, `@@\n-${lines[0]}\n+first\n@@\n ${lines.at(-2)}\n-${last}\n+last`);
  expect(patched).toBe(`${['first', ...lines.slice(1, -1), 'last'].join('\n')}\n`);
});
