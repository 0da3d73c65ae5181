import type { EnvironmentPolicy } from '../../protocol/process-methods.js';

type Environment = Record<string, string>;

/** What `inherit: "core"` takes from the server's own environment. */
const CORE = ['PATH', 'SHELL', 'TMPDIR', 'TEMP', 'TMP', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'LOGNAME', 'USER'];

/** Names that look like credentials. */
const DEFAULT_EXCLUDES = ['*KEY*', '*SECRET*', '*TOKEN*'];

/**
 * The child's environment. Without a policy exactly `overlay`; else the server's own, filtered in this order: inherit,
 * default excludes, exclude, set, includeOnly; then `overlay` on top, unfiltered. The order is that of the real peers.
 */
export function childEnvironment(
  own: Readonly<NodeJS.ProcessEnv>,
  policy: EnvironmentPolicy | undefined,
  overlay: Readonly<Environment>,
): Environment {
  if (!policy) return sorted({ ...overlay });
  let env = filter(own, (name) => inherits(policy, name));
  const excluded = matcher([...(policy.ignoreDefaultExcludes ? [] : DEFAULT_EXCLUDES), ...policy.exclude]);
  env = filter(env, (name) => !excluded(name));
  env = { ...env, ...policy.set };
  if (policy.includeOnly.length > 0) env = filter(env, matcher(policy.includeOnly));
  return sorted({ ...env, ...overlay });
}

/** By name, as the real peers pass them on: what a child prints of its environment is the same every time. */
function sorted(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function inherits(policy: EnvironmentPolicy, name: string): boolean {
  switch (policy.inherit) {
    case 'all':
      return true;
    case 'core':
      return CORE.includes(name);
    case 'none':
      return false;
  }
}

function filter(env: Readonly<NodeJS.ProcessEnv>, keep: (name: string) => boolean): Environment {
  const set = (entry: [string, string | undefined]): entry is [string, string] => entry[1] !== undefined;
  return Object.fromEntries(
    Object.entries(env)
      .filter(set)
      .filter(([name]) => keep(name)),
  );
}

/** Globs of `*` and `?`, case-insensitive, over whole names. */
function matcher(globs: string[]): (name: string) => boolean {
  const patterns = globs.map((glob) => {
    const source = glob
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.');
    return new RegExp(`^${source}$`, 'is');
  });
  return (name) => patterns.some((pattern) => pattern.test(name));
}
