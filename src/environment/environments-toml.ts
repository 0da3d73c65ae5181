import { dirname, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { check } from './check.js';
import { checkIds, configField, type EnvironmentsConfig } from './config.js';
import { EnvironmentConfigError } from './errors.js';
import { checkCombination, type EnvironmentSpec, expectedObject, field } from './spec.js';
import { lineOf } from './toml-line.js';

// The keys are those of the newest real peer, which refuses unknown ones too. `unix:///path` as a `url`, and `registry` with what
// belongs to it, are ours.

const entryKeys = {
  id: field.id,
  url: field.url.optional(),
  program: field.program.optional(),
  args: field.args.optional(),
  env: field.env.optional(),
  cwd: field.cwd.optional(),
  connect_timeout_sec: field.timeoutSec.optional(),
  initialize_timeout_sec: field.timeoutSec.optional(),
  auth_bearer_token: field.authBearerToken.optional(),
  registry: field.registry.optional(),
  environment_id: field.environmentId.optional(),
  token_env: field.tokenEnv.optional(),
  token_file: field.tokenFile.optional(),
};

const entry = z
  .strictObject(entryKeys, expectedObject('a table'))
  .superRefine(checkCombination)
  .transform((entry) => {
    const { connect_timeout_sec, initialize_timeout_sec, auth_bearer_token, ...rest } = entry;
    const { environment_id, token_env, token_file, ...same } = rest;
    const spec = {
      ...same,
      connectTimeoutMs: milliseconds(connect_timeout_sec),
      initializeTimeoutMs: milliseconds(initialize_timeout_sec),
      authBearerToken: auth_bearer_token,
      environmentId: environment_id,
      tokenEnv: token_env,
      tokenFile: token_file,
    };
    return spec as EnvironmentSpec; // that it is one of them has just been checked
  });

const fileKeys = {
  default: configField.default.optional(),
  include_local: configField.includeLocal.optional(),
  environments: z.array(entry, { error: 'expected `[[environments]]` tables' }).optional(),
};

const environmentsToml = z
  .strictObject(fileKeys)
  .transform(({ include_local, ...same }): EnvironmentsConfig => ({ ...same, includeLocal: include_local }))
  .superRefine(checkIds);

/** Reads the text of an `environments.toml`. A relative `cwd` or `token_file` counts from the folder of `file`. Throws EnvironmentConfigError. */
export function parseEnvironmentsToml(text: string, file: string): EnvironmentsConfig {
  const config = check(environmentsToml, parseToml(text, file), file, (path) => lineOf(text, path));
  const folder = dirname(resolve(file));
  return { ...config, environments: config.environments?.map((spec) => countedFrom(folder, spec)) };
}

function countedFrom(folder: string, spec: EnvironmentSpec): EnvironmentSpec {
  if ('cwd' in spec && spec.cwd !== undefined) return { ...spec, cwd: resolve(folder, spec.cwd) };
  if ('tokenFile' in spec && spec.tokenFile !== undefined)
    return { ...spec, tokenFile: resolve(folder, spec.tokenFile) };
  return spec;
}

function parseToml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    // Neither the rest of the message nor the error itself is kept: they quote the line, and a token may be on it.
    if (!(error instanceof TomlError)) throw new EnvironmentConfigError(file, 'is not valid TOML');
    const [problem] = error.message.split('\n', 1);
    const key = keyOn(text.split('\n')[error.line - 1]);
    throw new EnvironmentConfigError(file, `${problem} (column ${error.column})`, { line: error.line, key });
  }
}

/** The key that a line sets, if it is one of ours: on a malformed line anything else could be a value. */
function keyOn(line = ''): string | undefined {
  const word = /^\s*(\w+)/.exec(line)?.[1];
  return word !== undefined && (Object.hasOwn(entryKeys, word) || Object.hasOwn(fileKeys, word)) ? word : undefined;
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.max(1, Math.round(seconds * 1000));
}
