import { cleanPath, type NativePath, parsePath } from '../protocol/paths.js';
import type { CommandPlace } from './types.js';

/** What has to be known of the place where commands run. */
export interface ExecutorHost {
  /** The login shell of its user. */
  shell: string;
  /** Where commands run that name no directory. */
  cwd: NativePath;
}

const BASH = '/bin/bash';

export async function executorHost(environment: CommandPlace): Promise<ExecutorHost> {
  const info = await environment.info();
  const cwd = info.cwd ?? info.userHomeDir;
  return {
    // Servers up to 0.129 do not tell. Models write for bash, so it is taken where it is.
    shell: info.assumed === true && (await isFile(environment, BASH)) ? BASH : info.shell.path,
    cwd: cwd ? parsePath(cwd) : '/',
  };
}

/** Program and arguments that run `command` in a shell. */
export function shellCommand(shell: string, command: string, login: boolean): [string, ...string[]] {
  const name = shell.replace(/^.*[/\\]/, '').replace(/\.exe$/i, '');
  if (/^(pwsh|powershell)$/i.test(name)) return [shell, ...(login ? [] : ['-NoProfile']), '-Command', command];
  if (/^cmd$/i.test(name)) return [shell, '/c', command];
  return [shell, login ? '-lc' : '-c', command];
}

/** `workdir` as the model gives it: absolute, or below `cwd`. */
export function resolveWorkdir(cwd: NativePath, workdir: string | undefined): NativePath {
  if (!workdir) return cwd;
  if (/^file:/i.test(workdir)) return parsePath(workdir);
  return cleanPath(workdir.startsWith('/') ? workdir : `${cwd}/${workdir}`);
}

async function isFile(environment: CommandPlace, path: NativePath): Promise<boolean> {
  try {
    return (await environment.files.getMetadata(path)).isFile;
  } catch {
    return false; // not there, or not to be seen: the start of the other shell will tell what is wrong
  }
}
