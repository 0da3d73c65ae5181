import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineOf } from './toml-line.js';

const FILE = `# environments
default = "a"

[[environments]]
id = "a"
args = [
  "url = 'not a key'",
  """
[[environments]]
url = 'nor this'
""",
]
url = "x" # a comment

[[environments]]
"id" = "b"
env.PATH = "/bin"
[environments.nested]
deep = 1
`;

test.each([
  ['default', 2],
  ['environments', 4],
  ['environments.0', 4],
  ['environments.0.id', 5],
  ['environments.0.args', 6],
  ['environments.0.args.1', 6],
  ['environments.0.url', 13],
  ['environments.1', 15],
  ['environments.1.id', 16],
  ['environments.1.env.PATH', 17],
  ['environments.1.nested.deep', 19],
])('%s is on line %d', (path, line) => {
  expect(lineOf(FILE, keys(path))).toBe(line);
  expect(lineOf(FILE.replaceAll('\n', '\r\n'), keys(path))).toBe(line);
});

test('a key that is missing is on the line where its table begins', () => {
  expect(lineOf(FILE, keys('environments.1.url'))).toBe(15);
  expect(lineOf(FILE, ['nothing'])).toBe(1);
});

test('inline tables count as the line where their statement begins', () => {
  expect(lineOf('\nenvironments = [\n  { id = "a" },\n  { id = "b" },\n]', keys('environments.1.id'))).toBe(2);
});

test('finds every key of any file of single-line statements', () => {
  const table = fc.array(fc.constantFrom('', '# note', 'a = 1', 'b = """x"""', 'c = [1, 2]'), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(table, { minLength: 1, maxLength: 6 }), (tables) => {
      const lines = tables.flatMap((body) => [
        '[[t]]',
        ...body.filter((line, at) => line === '' || body.indexOf(line) === at),
      ]);
      let table = -1;
      for (const [at, line] of lines.entries()) {
        if (line === '[[t]]') table++;
        const key = /^[abc]/.exec(line)?.[0];
        if (key !== undefined) expect(lineOf(lines.join('\n'), ['t', table, key])).toBe(at + 1);
      }
    }),
  );
});

function keys(path: string): PropertyKey[] {
  return path.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
