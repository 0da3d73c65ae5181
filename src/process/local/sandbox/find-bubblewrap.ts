import { accessSync, constants } from 'node:fs';
import { sandboxUnavailable } from './errors.js';

/** Where root alone installs programs; never the PATH, since a repository could bring a `bwrap` of its own. */
const TRUSTED_PATHS = [
  '/usr/bin/bwrap',
  '/bin/bwrap',
  '/usr/local/bin/bwrap',
  '/run/wrappers/bin/bwrap', // NixOS, setuid
  '/run/current-system/sw/bin/bwrap',
];

/** The first of `paths` that can be run. Throws a WireError of kind sandbox_unavailable. */
export function findBubblewrap(paths: readonly string[] = TRUSTED_PATHS): string {
  const found = paths.find(isExecutable);
  if (found !== undefined) return found;
  throw sandboxUnavailable(
    `bubblewrap is not installed: looked for ${paths.join(', ')}; install the package \`bubblewrap\``,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // the caller names all that were tried
  }
}
