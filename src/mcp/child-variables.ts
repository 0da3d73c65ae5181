import type { StartParams } from '../process/types.js';
import type { StdioMcpServer } from './config.js';

/** What `inherit: "core"` gives a process; named one by one when more is to be let through. */
const CORE = ['PATH', 'SHELL', 'TMPDIR', 'TEMP', 'TMP', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'LOGNAME', 'USER'];

/**
 * The environment of a server: PATH, HOME and so on of the executor, the variables that are named for it there, and over
 * that those copied from `own`, the client's, and the ones given by value. A name that is set nowhere is left out.
 */
export function childVariables(
  { env = {}, env_vars = [] }: StdioMcpServer,
  own: Readonly<NodeJS.ProcessEnv>,
): Pick<StartParams, 'env' | 'envPolicy'> {
  const variables = env_vars.map((variable) => (typeof variable === 'string' ? { name: variable } : variable));
  const remote = variables.filter(({ source }) => source === 'remote').map(({ name }) => name);
  const copied = variables.flatMap(({ name, source }): [string, string][] => {
    const value = source === 'remote' ? undefined : own[name];
    return value === undefined ? [] : [[name, value]];
  });
  const all = { ignoreDefaultExcludes: true, exclude: [], set: {} };
  return {
    env: { ...Object.fromEntries(copied), ...env },
    envPolicy:
      remote.length === 0
        ? { inherit: 'core', ...all, includeOnly: [] }
        : { inherit: 'all', ...all, includeOnly: [...CORE, ...remote] },
  };
}
