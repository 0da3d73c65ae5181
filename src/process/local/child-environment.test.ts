import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EnvironmentPolicy } from '../../protocol/process-methods.js';
import { childEnvironment } from './child-environment.js';

const OWN = {
  PATH: '/bin',
  HOME: '/root',
  TERM: 'xterm',
  Editor: 'vi',
  API_KEY: 'k',
  MonKeyBusiness: 'm',
  MY_SECRET_THING: 's',
  GITHUB_TOKEN: 't',
};

const ALL: EnvironmentPolicy = { inherit: 'all', ignoreDefaultExcludes: true, exclude: [], set: {}, includeOnly: [] };

/** Names of what is left of OWN under a policy, with nothing laid over it. */
function kept(policy: Partial<EnvironmentPolicy>): string[] {
  return Object.keys(childEnvironment(OWN, { ...ALL, ...policy }, {}));
}

test('without a policy the environment is what is asked for and nothing else', () => {
  expect(childEnvironment(OWN, undefined, {})).toEqual({});
  expect(childEnvironment(OWN, undefined, { API_KEY: 'x', '': 'empty', 'A=B': 'odd' })).toEqual({
    API_KEY: 'x',
    '': 'empty',
    'A=B': 'odd',
  });
});

describe('inherit', () => {
  test('all takes everything', () => {
    expect(childEnvironment(OWN, ALL, {})).toEqual(OWN);
  });

  test('none takes nothing', () => {
    expect(kept({ inherit: 'none' })).toEqual([]);
  });

  test('core takes what programs need to run, by its exact name', () => {
    const core = ['HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'LOGNAME', 'PATH', 'SHELL', 'TEMP', 'TMP', 'TMPDIR', 'USER'];
    const own = Object.fromEntries(
      [...core, 'TERM', 'PWD', 'path', 'LC_TIME', 'LD_PRELOAD'].map((name) => [name, 'v']),
    );
    expect(Object.keys(childEnvironment(own, { ...ALL, inherit: 'core' }, {}))).toEqual(core);
  });

  test('a variable that is set to nothing is kept, one that is not set is not', () => {
    expect(childEnvironment({ EMPTY: '', ABSENT: undefined }, ALL, {})).toEqual({ EMPTY: '' });
  });
});

describe('the default excludes', () => {
  test('leave out names that look like credentials, whatever their case', () => {
    expect(kept({ ignoreDefaultExcludes: false })).toEqual(['Editor', 'HOME', 'PATH', 'TERM']);
  });

  test('can be ignored', () => {
    expect(kept({ ignoreDefaultExcludes: true })).toContain('API_KEY');
  });
});

describe('exclude', () => {
  test.each([
    ['HOME', ['HOME']],
    ['home', ['HOME']],
    ['H*', ['HOME']],
    ['*m*', ['HOME', 'TERM', 'MonKeyBusiness', 'MY_SECRET_THING']],
    ['?ERM', ['TERM']],
    ['ER', []],
    ['????', ['HOME', 'PATH', 'TERM']],
    ['*', Object.keys(OWN)],
    ['', []],
    ['.*', []],
    ['[HT]*', []],
    ['{HOME,TERM}', []],
  ])('%j leaves out %j', (glob, gone) => {
    const expected = Object.keys(OWN).filter((name) => !gone.includes(name));
    expect(new Set(kept({ exclude: [glob] }))).toEqual(new Set(expected));
  });

  test('takes several globs, beside the default ones', () => {
    expect(kept({ ignoreDefaultExcludes: false, exclude: ['PA*', 'ed*'] })).toEqual(['HOME', 'TERM']);
  });

  test('treats what is special in a regular expression as plain text', () => {
    const own = { 'a.b': '1', axb: '2', 'a+b': '3', 'a(b': '4', 'a\\b': '5', 'a\nb': '6' };
    const left = (glob: string) => Object.keys(childEnvironment(own, { ...ALL, exclude: [glob] }, {})).length;
    expect(['a.b', 'a+b', 'a(b', 'a\\b'].map(left)).toEqual([5, 5, 5, 5]);
    expect(left('a?b')).toBe(0);
  });
});

describe('the order of the rules', () => {
  test('set comes after the excludes: what is set is not filtered by them', () => {
    const policy = { ...ALL, ignoreDefaultExcludes: false, exclude: ['HOME'], set: { HOME: '/new', A_TOKEN: 'set' } };
    expect(childEnvironment(OWN, policy, {})).toMatchObject({ HOME: '/new', A_TOKEN: 'set' });
  });

  test('includeOnly comes after set, and filters that too', () => {
    const policy = { ...ALL, set: { FOO: '1', TERMINAL: '2' }, includeOnly: ['term*', 'PATH'] };
    expect(childEnvironment(OWN, policy, {})).toEqual({ PATH: '/bin', TERM: 'xterm', TERMINAL: '2' });
  });

  test('an empty includeOnly filters nothing', () => {
    expect(kept({ includeOnly: [] })).toHaveLength(Object.keys(OWN).length);
  });

  test('env comes last and is not filtered by anything', () => {
    const policy = {
      ...ALL,
      ignoreDefaultExcludes: false,
      exclude: ['*'],
      set: { PATH: '/set' },
      includeOnly: ['PATH'],
    };
    const overlay = { PATH: '/env', MY_KEY: 'mine' };
    expect(childEnvironment(OWN, policy, overlay)).toEqual({ PATH: '/env', MY_KEY: 'mine' });
  });
});

test('variables come sorted by name, whatever their origin', () => {
  const env = childEnvironment(OWN, { ...ALL, set: { Z: '', B: '' } }, { A: '', PATH: '' });
  expect(Object.keys(env)).toEqual(Object.keys(env).sort());
});

test('a name that objects know, such as __proto__ or constructor, is a variable like any other', () => {
  const own = JSON.parse('{"__proto__":"p","constructor":"c"}') as Record<string, string>;
  expect(Object.entries(childEnvironment(own, ALL, {}))).toEqual(Object.entries(own));
  expect(Object.entries(childEnvironment({}, undefined, own))).toEqual(Object.entries(own));
  expect(Object.entries(childEnvironment({}, { ...ALL, set: own }, {}))).toEqual(Object.entries(own));
});

test('a glob matches as one that tries every way to split a name does', () => {
  const matches = (glob: string, name: string): boolean => {
    if (glob === '') return name === '';
    if (glob[0] === '*') return matches(glob.slice(1), name) || (name !== '' && matches(glob, name.slice(1)));
    return name !== '' && (glob[0] === '?' || glob[0] === name[0]) && matches(glob.slice(1), name.slice(1));
  };
  const text = (letters: string) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 8 });
  fc.assert(
    fc.property(text('ab.*?'), text('ab.'), (glob, name) => {
      const left = childEnvironment({ [name]: 'v' }, { ...ALL, exclude: [glob] }, {});
      expect(Object.keys(left).length === 0).toBe(matches(glob, name));
    }),
    { numRuns: 2_000 },
  );
});
