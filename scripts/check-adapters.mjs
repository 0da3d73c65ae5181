// Checks the adapters of exec-server/unified-exec against the frameworks that they are for: compiles the programs of
// interop/adapters against the real packages and the built one, and runs them. Offline once these are installed.
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'interop/adapters');
const run = (command, ...args) => execFileSync(command, args, { cwd: folder, stdio: 'inherit', timeout: 300_000 });

try {
  run('npm', 'ci', '--no-audit', '--no-fund', '--ignore-scripts');
  // As a dependency in package.json, npm would install ours as well.
  symlinkSync(root, join(folder, 'node_modules/exec-server'));
  run(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', '.');
  for (const file of readdirSync(join(folder, 'dist'))) run(process.execPath, join('dist', file));
} catch (error) {
  // What failed has said why.
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(join(folder, 'dist'), { recursive: true, force: true });
}
