import fc from 'fast-check';
import picomatch from 'picomatch';
import { expect, test } from 'vitest';
import { compileGlobs, globMatchers } from './glob.js';

function matching(pattern: string, candidates: string[]): string[] {
  const matchers = compileGlobs(pattern, '/cwd').globs.map(globMatchers);
  return candidates.filter((path) => matchers.some(({ matches }) => matches(path)));
}

test.each<[string, string[], string[]]>([
  ['/a/*', ['/a/b', '/a/.b', '/a/ü'], ['/a', '/a/b/c', '/ab']],
  ['/a/?', ['/a/b', '/a/😀', '/a/\udc80'], ['/a/bc', '/a/']],
  ['/a/**/x', ['/a/x', '/a/b/x', '/a/b/.c/x'], ['/a/bx', '/x']],
  ['/a/**', ['/a/b', '/a/b/c'], ['/a', '/ab']],
  ['**/*.pem', ['/cwd/k.pem', '/cwd/a/b/k.pem'], ['/k.pem']],
  ['/a/[b-dx].k', ['/a/b.k', '/a/x.k'], ['/a/e.k', '/a/-.k']],
  ['/a/[!b-d]', ['/a/e', '/a/!'], ['/a/c', '/a/ee']],
  ['/a/[^b]', ['/a/c'], ['/a/b']],
  ['/a/[]-]', ['/a/]', '/a/-'], ['/a/a']],
  ['/a/[+-a]', ['/a/0'], ['/a//']],
  ['/a/\\*', ['/a/*'], ['/a/b']],
  ['/a/\\{b,c\\}', ['/a/{b,c}'], ['/a/b']],
  ['/a/{b,c{d,e}}', ['/a/b', '/a/cd', '/a/ce'], ['/a/c', '/a/cde']],
  ['/a/{b/c,d}/e', ['/a/b/c/e', '/a/d/e'], ['/a/b/e']],
  ['/a/x{,y}', ['/a/x', '/a/xy'], ['/a/xyy']],
  ['/a/(b|c)+$^.', ['/a/(b|c)+$^.'], ['/a/b', '/a/c']],
  ['/a/b*c**d', ['/a/bcd', '/a/bXcYd'], ['/a/b/cd']],
  ['/a//./b*/', ['/a/bc'], ['/a/c']],
  ['/a/../x/*.k', ['/x/a.k'], ['/a/x/a.k']],
])('%s', (pattern, yes, no) => {
  expect(compileGlobs(pattern, '/cwd').malformed).toBe(false);
  expect(matching(pattern, [...yes, ...no])).toEqual(yes);
});

test('what both understand, picomatch matches alike', () => {
  const name = fc
    .array(fc.constantFrom('a', 'b', '.', '-', '*', '?', '[ab]', '[!a]', '{a,b}', '{a,b{.,-}}'), {
      minLength: 1,
      maxLength: 4,
    })
    .map((parts) => parts.join(''))
    .filter((text) => !/\*\*|^[.*?{]*\.+[*?}]*$|^\.|\{[^}]*\.[^}]*\}/.test(text));
  const pattern = fc.array(fc.oneof(name, fc.constant('**')), { minLength: 1, maxLength: 3 });
  const file = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(pattern, file, (names, fileNames) => {
      fc.pre(names.at(-1) !== '**' && !fileNames.some((one) => one === '.' || one === '..'));
      const [glob, path] = [names.join('/'), fileNames.join('/')];
      // Without the leading slash: with it, picomatch does not let `/**/x` match `/x`.
      expect(`${glob} ${matching(`/${glob}`, [`/${path}`]).length > 0}`).toBe(
        `${glob} ${picomatch(glob, { dot: true, posix: true })(path)}`,
      );
    }),
    { numRuns: 2000 },
  );
});

test('any text at all is a pattern or malformed, never an exception', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '-', '[', ']', '{', '}', ',', '\\', '*', '?', '!', '^', '/', '.', ':', '&', '\udc80'),
  });
  fc.assert(
    fc.property(text, (pattern) => {
      for (const glob of compileGlobs(`/${pattern}`, '/cwd').globs) globMatchers(glob).covers('/a/-/a');
    }),
    { numRuns: 2000 },
  );
});
