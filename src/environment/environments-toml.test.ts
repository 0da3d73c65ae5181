import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { resolveConfig } from './config.js';
import { parseEnvironmentsToml } from './environments-toml.js';
import { EnvironmentConfigError } from './errors.js';

const FILE = '/etc/codex/environments.toml';

test('reads every key', () => {
  const config = parseEnvironmentsToml(
    `
default = "build-1"
include_local = false

[[environments]]
id = "build-1"
url = " wss://build.example:8443/exec?zone=a "
connect_timeout_sec = 2.5
initialize_timeout_sec = 30
auth_bearer_token = "s3cret"

[[environments]]
id = "sock"
url = "unix:///run/exec.sock"

[[environments]]
id = "ssh_dev"
program = " ssh "
args = ["dev", "exec-server serve --listen stdio"]
env = { LANG = "C" }
cwd = "work"
`,
    FILE,
  );
  expect(config).toMatchObject({
    default: 'build-1',
    includeLocal: false,
    environments: [
      {
        id: 'build-1',
        url: 'wss://build.example:8443/exec?zone=a',
        connectTimeoutMs: 2500,
        initializeTimeoutMs: 30_000,
        authBearerToken: 's3cret',
      },
      { id: 'sock', url: 'unix:///run/exec.sock' },
      {
        id: 'ssh_dev',
        program: 'ssh',
        args: ['dev', 'exec-server serve --listen stdio'],
        env: { LANG: 'C' },
        cwd: '/etc/codex/work',
      },
    ],
  });
});

test('an empty file is a file: nothing but this machine', () => {
  expect(resolveConfig(parseEnvironmentsToml('', FILE))).toEqual({
    environments: [],
    defaultId: 'local',
    includeLocal: true,
  });
});

test('an absolute cwd stays what it is', () => {
  const config = parseEnvironmentsToml(entry('program = "x"\ncwd = "/srv"'), FILE);
  expect(config.environments).toMatchObject([{ cwd: '/srv' }]);
});

test('a time-out that rounds to nothing is one millisecond', () => {
  const config = parseEnvironmentsToml(entry('url = "ws://a:1"\nconnect_timeout_sec = 0.0001'), FILE);
  expect(config.environments).toMatchObject([{ connectTimeoutMs: 1 }]);
});

const URL_FORMS = 'expected `ws://HOST:PORT`, `wss://…` or `unix:///path`';
const ID = 'expected 1 to 64 ASCII letters, digits, `-` or `_`';
const SECONDS = 'expected a number of seconds above 0 and at most 2147483';

test.each<[what: string, toml: string, line: number, key: string | undefined, problem: string]>([
  ['an unknown key at the top', '\ninclude_Local = true', 2, 'include_Local', 'there is no such key'],
  [
    'an unknown key of an environment',
    entry('url = "ws://a:1"\nport = 1'),
    4,
    'environments[0].port',
    'there is no such key',
  ],
  [
    'a key as the API spells it',
    entry('url = "ws://a:1"\nconnectTimeoutMs = 1'),
    4,
    'environments[0].connectTimeoutMs',
    'there is no such key',
  ],
  ['a missing id', '[[environments]]\nurl = "ws://a:1"', 1, 'environments[0].id', `${ID}, is missing`],
  ['an empty id', id('""'), 2, 'environments[0].id', ID],
  ['an id with a space', id('" a"'), 2, 'environments[0].id', ID],
  ['an id with an umlaut', id('"bär"'), 2, 'environments[0].id', ID],
  ['an id of 65 characters', id(`"${'a'.repeat(65)}"`), 2, 'environments[0].id', ID],
  ['an id that is a number', id('7'), 2, 'environments[0].id', ID],
  [
    'the id local',
    id('"local"'),
    2,
    'environments[0].id',
    'is reserved: `local` is this machine, and `none` is no environment',
  ],
  [
    'the id None',
    id('"None"'),
    2,
    'environments[0].id',
    'is reserved: `local` is this machine, and `none` is no environment',
  ],
  [
    'an id twice',
    `${entry('url = "ws://a:1"')}\n${entry('url = "ws://b:1"')}`,
    5,
    'environments[1].id',
    'is the id of an earlier one too',
  ],
  [
    'no way to get there',
    entry(''),
    1,
    'environments[0]',
    'expected one of `url`, `program`, `registry`, all are missing',
  ],
  [
    'both url and program',
    entry('url = "ws://a:1"\nprogram = "x"'),
    4,
    'environments[0].program',
    'expected one of `url`, `program`, `registry`, not `url` as well',
  ],
  ['an http url', entry('url = "http://a:1"'), 3, 'environments[0].url', URL_FORMS],
  ['an url without a host', entry('url = "ws://"'), 3, 'environments[0].url', URL_FORMS],
  ['an url with a fragment', entry('url = "ws://a:1/#x"'), 3, 'environments[0].url', URL_FORMS],
  ['an empty url', entry('url = " "'), 3, 'environments[0].url', URL_FORMS],
  ['a relative socket', entry('url = "unix://run/x"'), 3, 'environments[0].url', URL_FORMS],
  ['an empty program', entry('program = " "'), 3, 'environments[0].program', 'expected the name or path of a program'],
  ['args with a url', entry('url = "ws://a:1"\nargs = []'), 4, 'environments[0].args', 'goes with `program` only'],
  ['env with a url', entry('url = "ws://a:1"\nenv = {}'), 4, 'environments[0].env', 'goes with `program` only'],
  ['cwd with a url', entry('url = "ws://a:1"\ncwd = "/"'), 4, 'environments[0].cwd', 'goes with `program` only'],
  [
    'connect_timeout_sec with a program',
    entry('program = "x"\nconnect_timeout_sec = 1'),
    4,
    'environments[0].connect_timeout_sec',
    'goes with `url` or `registry` only',
  ],
  [
    'a token with a program',
    entry('program = "x"\nauth_bearer_token = "t"'),
    4,
    'environments[0].auth_bearer_token',
    'goes with `url` or `registry` only',
  ],
  [
    'an argument that is a number',
    entry('program = "x"\nargs = [\n  "a",\n  2,\n]'),
    4,
    'environments[0].args[1]',
    'expected a string',
  ],
  [
    'a NUL in an argument',
    entry('program = "x"\nargs = ["a\\u0000b"]'),
    4,
    'environments[0].args[0]',
    'expected a string without NUL bytes',
  ],
  [
    'an environment variable that is a number',
    entry('program = "x"\nenv.A = 1'),
    4,
    'environments[0].env.A',
    'expected a string',
  ],
  [
    'an environment variable without a name',
    entry('program = "x"\nenv = { "" = "a" }'),
    4,
    'environments[0].env.',
    'expected names that are not empty and hold neither `=` nor NUL',
  ],
  [
    'a time-out of 0',
    entry('url = "ws://a:1"\nconnect_timeout_sec = 0'),
    4,
    'environments[0].connect_timeout_sec',
    SECONDS,
  ],
  [
    'a time-out that never comes',
    entry('url = "ws://a:1"\ninitialize_timeout_sec = inf'),
    4,
    'environments[0].initialize_timeout_sec',
    SECONDS,
  ],
  [
    'a time-out that Node cannot wait',
    entry('url = "ws://a:1"\ninitialize_timeout_sec = 2147484'),
    4,
    'environments[0].initialize_timeout_sec',
    SECONDS,
  ],
  [
    'a time-out in quotes',
    entry('url = "ws://a:1"\ninitialize_timeout_sec = "5"'),
    4,
    'environments[0].initialize_timeout_sec',
    SECONDS,
  ],
  [
    'an empty token',
    entry('url = "ws://a:1"\nauth_bearer_token = ""'),
    4,
    'environments[0].auth_bearer_token',
    'expected visible ASCII characters without spaces',
  ],
  [
    'a default that is not there',
    `default = "b"\n${entry('url = "ws://a:1"')}`,
    1,
    'default',
    'there is no such environment: expected one of `local`, `a`, `none`',
  ],
  [
    'local as the default when it is left out',
    '\ninclude_local = false\ndefault = "local"',
    3,
    'default',
    'there is no such environment: expected one of `none`',
  ],
  ['an empty default', 'default = ""', 1, 'default', 'there is no such environment: expected one of `local`, `none`'],
  ['include_local in quotes', 'include_local = "no"', 1, 'include_local', 'expected true or false'],
  ['environments as one table', '[environments]\nid = "a"', 1, 'environments', 'expected `[[environments]]` tables'],
  ['an environment that is no table', 'environments = ["a"]', 1, 'environments[0]', 'expected a table'],
  [
    'a line that is no TOML',
    `${entry('url = "ws://a:1"')}\nurl ws://b`,
    4,
    'url',
    'Invalid TOML document: illegal character in key (column 5)',
  ],
  [
    'a key twice',
    entry('url = "ws://a:1"\nurl = "ws://b:1"'),
    4,
    'url',
    'Invalid TOML document: trying to redefine an already defined table or value (column 1)',
  ],
])('refuses %s', (_what, toml, line, key, problem) => {
  const error = refusal(toml);
  expect(error.message).toBe(`${FILE}:${line}: ${key === undefined ? '' : `\`${key}\`: `}${problem}`);
  expect(error).toMatchObject({ code: 'invalid_environment_config', source: FILE, line, key });
});

const TOKEN = 'sk-very-secret-0123456789';

test.each([
  ['an unquoted token', entry(`url = "ws://a:1"\nauth_bearer_token = ${TOKEN}`)],
  ['a token without an equals sign', entry(`url = "ws://a:1"\nauth_bearer_token "${TOKEN}"`)],
  ['a token without a closing quote', entry(`url = "ws://a:1"\nauth_bearer_token = "${TOKEN}`)],
  ['a token with something after it', entry(`url = "ws://a:1"\nauth_bearer_token = "${TOKEN}" x`)],
  ['a token with a bad escape', entry(`url = "ws://a:1"\nauth_bearer_token = "${TOKEN}\\q"`)],
  ['a token with an impossible character', entry(`url = "ws://a:1"\nauth_bearer_token = "${TOKEN}\\UFFFFFFFF"`)],
  ['a bad line next to a token', entry(`url = "ws://a:1"\nauth_bearer_token = "${TOKEN}"\n= 1`)],
  ['nothing but a token', TOKEN],
  ['a token twice', entry(`auth_bearer_token = "${TOKEN}"\nauth_bearer_token = "${TOKEN}"`)],
  ['a token with a space', entry(`url = "ws://a:1"\nauth_bearer_token = "${TOKEN} "`)],
  ['a token with a line feed', entry(`url = "ws://a:1"\nauth_bearer_token = "${TOKEN}\\n"`)],
  ['a token in an array', entry(`url = "ws://a:1"\nauth_bearer_token = ["${TOKEN}"]`)],
  ['a token beside an unknown key', entry(`url = "ws://a:1"\nauth_bearer_token = "${TOKEN}"\nx = 1`)],
  ['a token under an unknown key', entry(`url = "ws://a:1"\ntoken = "${TOKEN}"`)],
  ['a token in a bad url', entry(`url = "http://a:1/?token=${TOKEN}"`)],
  ['a token as the url', entry(`url = "${TOKEN}"`)],
  ['a token as the id', id(`"${TOKEN}!"`)],
  ['a token as the default', `default = "${TOKEN}"`],
  ['a token in the environment of a program', entry(`program = "x"\nenv = { A = "${TOKEN}\\u0000" }`)],
  ['a token as an argument', entry(`program = "x"\nargs = ["${TOKEN}\\u0000"]`)],
])('never echoes %s', (_what, toml) => {
  const error = refusal(toml);
  expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain(TOKEN);
  expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain(TOKEN);
  expect(error.line).toBeGreaterThan(0);
});

function refusal(toml: string): EnvironmentConfigError {
  try {
    parseEnvironmentsToml(toml, FILE);
  } catch (error) {
    if (error instanceof EnvironmentConfigError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

function entry(more: string): string {
  return `[[environments]]\nid = "a"\n${more}`;
}

function id(value: string): string {
  return `[[environments]]\nid = ${value}\nurl = "ws://a:1"`;
}
