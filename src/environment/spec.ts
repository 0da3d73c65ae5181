import { z } from 'zod';
import { environmentId } from '../registry/contract.js';
import { checkBaseUrl } from '../registry/request.js';

/** This machine. Always there; `includeLocal` says whether it can be asked for by its id. */
export const LOCAL_ENVIRONMENT_ID = 'local';

/** What `CODEX_EXEC_SERVER_URL` names. */
export const REMOTE_ENVIRONMENT_ID = 'remote';

/** As in the real peers. */
const MAX_ID_LENGTH = 64;

/** Longer timers fire at once: Node keeps their milliseconds in 31 bits. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

interface AnySpec {
  /** ASCII letters, digits, `-` and `_`, at most 64; not `local` and not `none`. */
  id: string;
  /** How long the answer to `initialize` may take. Default 10 s. */
  initializeTimeoutMs?: number | undefined;
}

/** A server that listens. */
export interface UrlEnvironmentSpec extends AnySpec {
  /** `ws://…`, `wss://…` or `unix:///path`. */
  url: string;
  /** How long the dial may take. Default 10 s. */
  connectTimeoutMs?: number | undefined;
  /** Sent as `authorization: Bearer …`. Never logged, never shown. */
  authBearerToken?: string | undefined;
}

/** A server that is started as a program, and talked to over its stdin and stdout. */
export interface ProgramEnvironmentSpec extends AnySpec {
  /** A path, or a name that is looked up in PATH. */
  program: string;
  args?: readonly string[] | undefined;
  /** Laid over our own environment. */
  env?: Readonly<Record<string, string>> | undefined;
  cwd?: string | undefined;
}

/** An executor that has registered at a registry, and is reached through it. At most one of the tokens is given. */
export interface RegistryEnvironmentSpec extends AnySpec {
  /** Base URL of the registry: `https://…`, or `http://` to loopback. */
  registry: string;
  /** What the registry calls it. Default: the `id`. */
  environmentId?: string | undefined;
  /** How long to look for a way to it, an executor that is offline included. Default 10 s. */
  connectTimeoutMs?: number | undefined;
  /** Sent to the registry as `authorization: Bearer …`. Never logged, never shown. */
  authBearerToken?: string | undefined;
  /** The environment variable that holds the token. */
  tokenEnv?: string | undefined;
  /** The file that holds the token. Read for every connection, so the token can be replaced at any time. */
  tokenFile?: string | undefined;
}

/** How to get to an environment. Plain data. */
export type EnvironmentSpec = UrlEnvironmentSpec | ProgramEnvironmentSpec | RegistryEnvironmentSpec;

export function isRegistrySpec(spec: EnvironmentSpec): spec is RegistryEnvironmentSpec {
  return 'registry' in spec && spec.registry !== undefined;
}

export function isUrlSpec(spec: EnvironmentSpec): spec is UrlEnvironmentSpec {
  return 'url' in spec && spec.url !== undefined;
}

/** An error for a field that says what was expected, and of what came no more than its absence. */
function expected(what: string) {
  return {
    error: ({ input }: { input?: unknown }) =>
      input === undefined ? `expected ${what}, is missing` : `expected ${what}`,
  };
}

/** The same for an object as a whole; what is wrong inside it has words of its own. */
export function expectedObject(what: string) {
  return { error: ({ code }: { code?: string }) => (code === 'invalid_type' ? `expected ${what}` : undefined) };
}

// Node's own errors about NUL bytes quote the value, which may be a secret: such values must not get that far.
const withoutNul = z.string(expected('a string')).regex(/^[^\0]*$/, expected('a string without NUL bytes'));

const ID = `1 to ${MAX_ID_LENGTH} ASCII letters, digits, \`-\` or \`_\``;
const URL_FORMS = '`ws://HOST:PORT`, `wss://…` or `unix:///path`';
const REGISTRY_FORMS = '`https://HOST[/PATH]`, or `http://` to loopback';
const REGISTRY_ID = '1 to 128 ASCII letters, digits, `-`, `_` or `.`, no `.` first';
const TOKEN = 'visible ASCII characters without spaces';
const ENV_NAME = 'names that are not empty and hold neither `=` nor NUL';

/** The fields of a specification, whatever they are called where it is written. */
export const field = {
  id: z
    .string(expected(ID))
    .regex(new RegExp(`^[A-Za-z0-9_-]{1,${MAX_ID_LENGTH}}$`), expected(ID))
    .refine((id) => !isReserved(id), { error: 'is reserved: `local` is this machine, and `none` is no environment' }),
  url: z.string(expected(URL_FORMS)).trim().refine(isServerUrl, expected(URL_FORMS)),
  program: withoutNul.trim().min(1, expected('the name or path of a program')),
  args: z.array(withoutNul, expected('an array of strings')),
  env: z.record(z.string().regex(/^[^=\0]+$/, expected(ENV_NAME)), withoutNul, {
    error: ({ code }) => (code === 'invalid_key' ? `expected ${ENV_NAME}` : 'expected a table of strings'),
  }),
  cwd: withoutNul.min(1, expected('the path of a directory')),
  timeoutMs: timeout('milliseconds', MAX_TIMEOUT_MS),
  timeoutSec: timeout('seconds', Math.floor(MAX_TIMEOUT_MS / 1000)),
  authBearerToken: z.string(expected(TOKEN)).regex(/^[\x21-\x7e]+$/, expected(TOKEN)),
  registry: z.string(expected(REGISTRY_FORMS)).trim().refine(isRegistryUrl, expected(REGISTRY_FORMS)),
  environmentId: z
    .string(expected(REGISTRY_ID))
    .refine((id) => environmentId.safeParse(id).success, expected(REGISTRY_ID)),
  tokenEnv: withoutNul.regex(/^[^=]+$/, expected('the name of an environment variable')),
  tokenFile: withoutNul.min(1, expected('the path of a file')),
};

export const environmentSpec = z
  .strictObject(
    {
      id: field.id,
      url: field.url.optional(),
      program: field.program.optional(),
      args: field.args.optional(),
      env: field.env.optional(),
      cwd: field.cwd.optional(),
      connectTimeoutMs: field.timeoutMs.optional(),
      initializeTimeoutMs: field.timeoutMs.optional(),
      authBearerToken: field.authBearerToken.optional(),
      registry: field.registry.optional(),
      environmentId: field.environmentId.optional(),
      tokenEnv: field.tokenEnv.optional(),
      tokenFile: field.tokenFile.optional(),
    },
    expectedObject('an object'),
  )
  .superRefine(checkCombination)
  .transform((spec) => spec as EnvironmentSpec); // that it is one of the two has just been checked

/** The keys of which there is exactly one. */
const WAYS = ['url', 'program', 'registry'];
const TOKENS = ['authBearerToken', 'auth_bearer_token', 'tokenEnv', 'token_env', 'tokenFile', 'token_file'];

/** What other keys go with. */
const COMPANY: Readonly<Record<string, readonly string[]>> = {
  args: ['program'],
  env: ['program'],
  cwd: ['program'],
  connectTimeoutMs: ['url', 'registry'],
  connect_timeout_sec: ['url', 'registry'],
  authBearerToken: ['url', 'registry'],
  auth_bearer_token: ['url', 'registry'],
  environmentId: ['registry'],
  environment_id: ['registry'],
  tokenEnv: ['registry'],
  token_env: ['registry'],
  tokenFile: ['registry'],
  token_file: ['registry'],
};

/** Exactly one way to get there, with it only what belongs to it, and one token at most. */
export function checkCombination(spec: object, context: z.RefinementCtx): void {
  const has = (key: string) => (spec as Record<string, unknown>)[key] !== undefined;
  const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  const [way, another] = WAYS.filter(has);
  if (way === undefined) refuse([], `expected one of ${quoted(WAYS, ', ')}, all are missing`);
  if (another !== undefined) refuse([another], `expected one of ${quoted(WAYS, ', ')}, not \`${way}\` as well`);
  for (const [key, company] of Object.entries(COMPANY)) {
    if (has(key) && !company.some(has)) refuse([key], `goes with ${quoted(company, ' or ')} only`);
  }
  const [token, secondToken] = TOKENS.filter(has);
  if (secondToken !== undefined) refuse([secondToken], `expected one token, \`${token}\` is there as well`);
}

function quoted(keys: readonly string[], between: string): string {
  return keys.map((key) => `\`${key}\``).join(between);
}

function isReserved(id: string): boolean {
  return id === LOCAL_ENVIRONMENT_ID || id.toLowerCase() === 'none';
}

function isServerUrl(text: string): boolean {
  if (text.startsWith('unix://')) return /^unix:\/\/\/[^\0]+$/.test(text);
  return /^wss?:\/\//.test(text) && URL.canParse(text) && !text.includes('#');
}

function isRegistryUrl(text: string): boolean {
  try {
    checkBaseUrl(text);
    return true;
  } catch {
    return false; // what is expected is said in the words of this file
  }
}

function timeout(unit: string, max: number) {
  const range = expected(`a number of ${unit} above 0 and at most ${max}`);
  return z.number(range).positive(range).max(max, range);
}
