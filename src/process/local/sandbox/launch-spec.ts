import { posix } from 'node:path';
import { pathBytes } from '../../../protocol/paths.js';
import type { LaunchParams } from '../child.js';
import { DEFAULT_PATH } from '../resolve-program.js';

/**
 * What init.c is to run, as it reads it: four 32-bit counts (terminal, candidates, arguments, variables), then NUL-terminated
 * texts. It tries the candidates itself: what can be seen and run is decided inside the sandbox, where nothing can change in between.
 */
export function launchSpec({ argv, arg0, cwd, env }: LaunchParams, onTerminal: boolean): Buffer {
  const candidates = programCandidates(argv[0], cwd, env.PATH);
  const args = [arg0 ?? argv[0], ...argv.slice(1)];
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const header = Buffer.alloc(16);
  [onTerminal ? 1 : 0, candidates.length, args.length, variables.length].forEach((n, i) => {
    // In this machine's order; all that Node and init.c run on have this one.
    header.writeUInt32LE(n, i * 4);
  });
  const paths = [cwd, ...candidates].flatMap((path) => [pathBytes(path), NUL]);
  const texts = [...args, ...variables].map((text) => Buffer.from(`${text}\0`));
  return Buffer.concat([header, ...paths, ...texts]);
}

const NUL = Buffer.alloc(1);

/** The files that `execvp` would try. */
function programCandidates(program: string, cwd: string, path = DEFAULT_PATH): string[] {
  if (program.includes('/')) return [posix.resolve(cwd, program)];
  return path.split(':').map((directory) => posix.resolve(cwd, directory, program));
}
