import type { EnvironmentPolicy } from '../protocol/process-methods.js';

/** Keeps programs from colouring, paging and asking for a terminal that nobody looks at. What Codex sets, without its own marks. */
export const AGENT_ENVIRONMENT: Readonly<Record<string, string>> = {
  NO_COLOR: '1',
  TERM: 'dumb',
  LANG: 'C.UTF-8',
  LC_CTYPE: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  COLORTERM: '',
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  GH_PAGER: 'cat',
};

/** The whole environment of the executor, as Codex asks for unless it is configured otherwise. */
export const DEFAULT_ENVIRONMENT_POLICY: EnvironmentPolicy = {
  inherit: 'all',
  ignoreDefaultExcludes: true,
  exclude: [],
  set: {},
  includeOnly: [],
};
