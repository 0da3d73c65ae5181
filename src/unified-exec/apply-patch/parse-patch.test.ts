import { expect, test } from 'vitest';
import { parsePatch } from './parse-patch.js';

const wrap = (body: string) => `*** Begin Patch\n${body}\n*** End Patch`;

test('reads every kind of section, in order', () => {
  const patch = parsePatch(
    wrap(
      '*** Add File: new dir/a\n+1\n++2\n+\n*** Delete File: b\n*** Update File: c\n*** Move to: d\n@@ x\n@@ y\n k\n-o\n+n\n*** End of File\n@@\n+z',
    ),
  );
  expect(patch).toEqual([
    { type: 'add', path: 'new dir/a', content: '1\n+2\n\n' },
    { type: 'delete', path: 'b' },
    {
      type: 'update',
      path: 'c',
      moveTo: 'd',
      hunks: [
        {
          line: 9,
          anchors: ['x', 'y'],
          atEnd: true,
          lines: [
            { kind: ' ', text: 'k' },
            { kind: '-', text: 'o' },
            { kind: '+', text: 'n' },
          ],
        },
        { line: 15, anchors: [], atEnd: false, lines: [{ kind: '+', text: 'z' }] },
      ],
    },
  ]);
});

const ADDED = [{ type: 'add', path: 'f', content: 'x\n' }];

test.each([
  ['blank lines and spaces around it', '\n\n  *** Begin Patch\n*** Add File: f\n+x\n*** End Patch  \n\n', ADDED],
  ['a here document', "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: f\n+x\n*** End Patch\nEOF\n", ADDED],
  ['carriage returns', '*** Begin Patch\r\n*** Add File: f\r\n+x\r\n*** End Patch\r\n', ADDED],
  ['an indented header', wrap('  *** Add File: f \n+x'), ADDED],
  [
    'a blank line between files',
    wrap('*** Add File: f\n+x\n\n\n*** Delete File: g'),
    [...ADDED, { type: 'delete', path: 'g' }],
  ],
  ['an empty file', wrap('*** Add File: f'), [{ type: 'add', path: 'f', content: '' }]],
  [
    'a move alone',
    wrap('*** Update File: f\n*** Move to: g\n'),
    [{ type: 'update', path: 'f', moveTo: 'g', hunks: [] }],
  ],
  [
    'a blank line behind a hunk, which is no context',
    wrap('*** Update File: f\n@@\n-b\n\n*** Delete File: g'),
    [
      { type: 'update', path: 'f', hunks: [{ line: 3, anchors: [], atEnd: false, lines: [{ kind: '-', text: 'b' }] }] },
      { type: 'delete', path: 'g' },
    ],
  ],
])('takes %s', (_, text, expected) => {
  expect(parsePatch(text)).toEqual(expected);
});

test.each([
  [
    '*** Update File: f\n@@\n-b\n*** End Patch',
    "line 1: the first line of the patch must be '*** Begin Patch', got '*** Update File: f'",
  ],
  ['*** Begin Patch\n*** Add File: f\n+x', "line 3: the last line of the patch must be '*** End Patch', got '+x'"],
  ['', "the first line of the patch must be '*** Begin Patch', got ''"],
  [wrap(''), 'the patch names no file'],
  [wrap('*** Rename File: f'), "line 2: '*** Rename File: f' is not a valid hunk header. Valid hunk headers: '*** Add"],
  [wrap('*** Add File: \n+x'), "line 2: '*** Add File: ' is not a valid hunk header"],
  [wrap('*** Add File: f\n+x\nbad'), "line 4: 'bad' is not a valid hunk header"],
  [wrap('*** Update File: f'), "line 2: the update of 'f' is empty: expected hunks, or '*** Move to: {path}'"],
  [wrap('*** Update File: f\n*** Move to: \n@@\n-b'), "line 3: expected '*** Move to: {path}'"],
  [wrap('*** Update File: f\n@@\n@@\n'), 'the hunk is empty'],
  [
    wrap('*** Update File: f\n@@\n-b\nwat'),
    "line 5: unexpected line in an update hunk: 'wat'. Every line should start with",
  ],
  [
    wrap('*** Update File: f\n@@\n-b\n*** End of File\nwat'),
    "line 6: expected the hunk to start with a @@ context marker, got 'wat'",
  ],
])('refuses %j', (text, message) => {
  expect(() => parsePatch(text)).toThrow(message);
  expect(() => parsePatch(text)).toThrow(expect.objectContaining({ code: 'invalid_patch' }));
});
