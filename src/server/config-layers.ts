import type { TomlTable } from 'smol-toml';
import type { FileSystem } from '../files/types.js';
import type { ConfigLayers } from '../protocol/environment-config-methods.js';
import { internalError, WireError } from '../protocol/errors.js';
import { formatPath, type NativePath } from '../protocol/paths.js';
import { MAX_CONFIG_FILE_BYTES } from './limits.js';
import { directoriesFromRoot, projectRoot, trustedDirectories } from './project-trust.js';
import { selectToml } from './toml-selection.js';

const SYSTEM_DIR = '/etc/codex';
const PROJECT_CONFIG_DIR = '.codex';

type TomlPaths = readonly (readonly string[])[];

interface ConfigFile {
  source: string;
  directory: NativePath;
  table: TomlTable;
}

/**
 * What the configuration files that hold for `cwd` say at these paths. As observed on real servers: the system's, the
 * user's, those of the project from its root down to `cwd` as far as the user trusts it, the administrator's.
 */
export async function configLayers(
  files: FileSystem,
  { cwd, codexHome, paths }: { cwd: NativePath; codexHome: NativePath; paths: TomlPaths },
): Promise<ConfigLayers> {
  if (paths.length === 0) return layersOf(paths, undefined, []);
  const [system, user, managed] = await Promise.all([
    readConfig(files, SYSTEM_DIR, 'config.toml', 'system'),
    readConfig(files, codexHome, 'config.toml', 'user'),
    readConfig(files, SYSTEM_DIR, 'managed_config.toml', 'legacy managed_config.toml'),
  ]);
  const tables = [user, system].flatMap((file) => (file ? [file.table] : []));
  const root = await projectRoot(files, cwd, tables);
  const trusted = await trustedDirectories(files, directoriesFromRoot(root, cwd), tables);
  const projects = await Promise.all(
    trusted
      .map((directory) => join(directory, PROJECT_CONFIG_DIR))
      .filter((directory) => directory !== codexHome)
      .map((directory) => readConfig(files, directory, 'config.toml', 'project')),
  );
  return layersOf(paths, system, [user, ...projects, managed]);
}

/** What the administrator of the machine requires, at these paths. */
export async function requirementLayers(files: FileSystem, paths: TomlPaths): Promise<ConfigLayers> {
  return layersOf(paths, paths.length === 0 ? undefined : await readConfig(files, SYSTEM_DIR, 'requirements.toml'), []);
}

/** Those of an organization go right above the system's. */
async function layersOf(
  paths: TomlPaths,
  system: ConfigFile | undefined,
  others: (ConfigFile | undefined)[],
): Promise<ConfigLayers> {
  const below = await layer(paths, system);
  const above = await Promise.all(others.map((file) => layer(paths, file)));
  return { layers: [below, ...above].flat(), cloudInsertionIndex: below.length };
}

/** One, or none where the file says nothing at these paths. */
async function layer(paths: TomlPaths, file: ConfigFile | undefined): Promise<ConfigLayers['layers']> {
  const selected = file ? selectToml(file.table, paths) : {};
  if (!file || Object.keys(selected).length === 0) return [];
  const { stringify } = await import('smol-toml');
  // Integers were read as bigint, so every number left is a float.
  const toml = stringify(selected, { numbersAsFloat: true });
  return [{ source: file.source, baseDir: formatPath(file.directory, 'uri'), toml }];
}

/** Undefined if there is no such file. One that cannot be read, or is no TOML, is an error: a layer must not go missing. */
async function readConfig(
  files: FileSystem,
  directory: NativePath,
  name: string,
  kind?: string,
): Promise<ConfigFile | undefined> {
  const path = join(directory, name);
  const text = await readIfThere(files, path);
  if (text === undefined) return undefined;
  const { parse } = await import('smol-toml'); // only those who ask for configuration load it
  try {
    const table = parse(text, { integersAsBigInt: true });
    return { source: kind === undefined ? path : `${kind} (${path})`, directory, table };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw internalError('invalid_input', `cannot read the configuration file ${path}: expected TOML: ${reason}`, {
      path: path.toWellFormed(),
    });
  }
}

async function readIfThere(files: FileSystem, path: NativePath): Promise<string | undefined> {
  try {
    return (await files.readFile(path, { maxBytes: MAX_CONFIG_FILE_BYTES })).toString('utf8');
  } catch (error) {
    if (isNothingThere(error)) return undefined;
    if (!(error instanceof WireError)) throw error;
    throw new WireError(error.code, `cannot read the configuration file ${path}: ${error.message}`, error.data, {
      cause: error,
    });
  }
}

/** ENOTDIR: `cwd`, or a `.codex`, is a file. */
export function isNothingThere(error: unknown): boolean {
  return error instanceof WireError && (error.kind === 'not_found' || error.data.errno === 'ENOTDIR');
}

function join(directory: NativePath, name: string): NativePath {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}
