import { LocalBackend, type LocalBackendOptions } from '../../src/process/index.js';
import { type ExecBackend, type ExecProcess, processId, type StartParams } from '../../src/process/types.js';
import { atEnd } from '../harness/index.js';

/** Everything that a process does must be the same however it is started. */
export const launchers = [
  { name: 'native', launcher: undefined },
  { name: 'portable', launcher: 'portable' },
] as const;

export type LauncherName = (typeof launchers)[number]['launcher'];

/** A backend of its own for a test; what it started ends with the test. */
export function newBackend(launcher: LauncherName, options: LocalBackendOptions = {}): LocalBackend {
  const backend = new LocalBackend({ closeGraceMs: 0, ...options, launcher });
  atEnd(() => backend.close());
  return backend;
}

export const PATH = '/usr/local/bin:/usr/bin:/bin';

let started = 0;

/** Starts a program, on pipes in `/` with nothing but a PATH unless `more` says otherwise. */
export function startProgram(
  backend: ExecBackend,
  argv: readonly [string, ...string[]],
  more: Partial<StartParams> = {},
): Promise<ExecProcess> {
  return backend.start({ processId: processId(`p${++started}`), argv, cwd: '/', env: { PATH }, tty: false, ...more });
}

/** Starts a script of /bin/sh. */
export function startScript(
  backend: ExecBackend,
  script: string,
  more: Partial<StartParams> = {},
): Promise<ExecProcess> {
  return startProgram(backend, ['/bin/sh', '-c', script], more);
}
