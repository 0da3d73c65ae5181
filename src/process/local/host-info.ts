import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir, hostname, tmpdir, userInfo } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { formatPath } from '../../protocol/paths.js';
import { type EnvironmentInfo, extensionCapabilities } from '../../protocol/session-methods.js';
import { VERSION } from '../../protocol/version.js';

/** This machine, in the shape that the newest real clients want. Paths are `file:` URIs whatever the dialect. */
export function hostInfo(): EnvironmentInfo {
  const shell = defaultShell();
  const uri = (path: string) => formatPath(path, 'uri');
  return {
    shell: { name: basename(shell), path: shell },
    executorVersion: VERSION,
    providerId: `sha256:${createHash('sha256').update(machineId()).digest('hex')}`,
    cwd: uri(process.cwd()),
    userHomeDir: uri(homedir()),
    platformOs: process.platform === 'darwin' ? 'macos' : process.platform,
    prependPathDirs: [],
    temporaryDirectories: [...new Set([tmpdir(), '/tmp'])].map(uri),
    tempDir: uri(tmpdir()),
    codexHomeDir: uri(resolve(process.env.CODEX_HOME || join(homedir(), '.codex'))),
    hostname: hostname(),
    capabilities: { ...extensionCapabilities },
  };
}

/** The login shell of our user, as the password file has it; what $SHELL says is only a wish of whoever started us. */
function defaultShell(): string {
  const candidates = [userInfo().shell, process.env.SHELL, '/bin/bash', '/bin/sh'];
  return candidates.find((path) => path && existsSync(path) && !path.endsWith('/nologin')) ?? '/bin/sh';
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return hostname(); // not every system has one; the name has to do
  }
}
