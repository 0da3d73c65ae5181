import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { check } from './check.js';
import type { EnvironmentsConfig } from './config.js';
import { parseEnvironmentsToml } from './environments-toml.js';
import { EnvironmentConfigError } from './errors.js';
import { field, REMOTE_ENVIRONMENT_ID } from './spec.js';

const FILE_NAME = 'environments.toml';
const URL_VARIABLE = 'CODEX_EXEC_SERVER_URL';

export interface ConfigSources {
  /** Of these `CODEX_HOME`, `HOME` and `CODEX_EXEC_SERVER_URL` count. Default: those of this process. */
  env?: Readonly<NodeJS.ProcessEnv> | undefined;
  /** The file to read, which must then exist. Default: `environments.toml` in the usual place, if there is one. */
  environmentsFile?: string | undefined;
}

/**
 * What the user of this process has configured: the file if there is one, else `CODEX_EXEC_SERVER_URL`. They are never
 * mixed. Throws EnvironmentConfigError.
 */
export async function readConfig({
  env = process.env,
  environmentsFile,
}: ConfigSources = {}): Promise<EnvironmentsConfig> {
  const file = resolve(environmentsFile ?? join(configFolder(env), FILE_NAME));
  const text = await readText(file);
  if (text !== undefined) return parseEnvironmentsToml(text, file);
  if (environmentsFile !== undefined) throw new EnvironmentConfigError(file, 'there is no such file');
  return configFromUrl(env[URL_VARIABLE]);
}

/** What `CODEX_EXEC_SERVER_URL` says: nothing, `none`, or the URL of a server. Throws EnvironmentConfigError. */
export function configFromUrl(value: string | undefined): EnvironmentsConfig {
  const text = value?.trim() ?? '';
  if (text === '') return {};
  if (text.toLowerCase() === 'none') return { default: 'none', includeLocal: false };
  const url = check(field.url, text, URL_VARIABLE);
  return { environments: [{ id: REMOTE_ENVIRONMENT_ID, url }], default: REMOTE_ENVIRONMENT_ID };
}

function configFolder(env: Readonly<NodeJS.ProcessEnv>): string {
  // Empty is how scripts unset a variable.
  return env.CODEX_HOME || join(env.HOME || homedir(), '.config', 'exec-server');
}

async function readText(file: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw new EnvironmentConfigError(file, `cannot be read: ${reason}`, { cause: error });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new EnvironmentConfigError(file, 'is not UTF-8'); // nothing more is known of it
  }
}

/** ENOTDIR: what should be the folder is a file, so the file is not there either. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
