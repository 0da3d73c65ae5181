// Compiles the examples against the built package, as its users would, and runs each. Fails when one does.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
execFileSync('npx', ['tsc', '-p', 'examples/tsconfig.json'], { cwd: root, stdio: 'inherit' });

const server = spawn(process.execPath, ['dist/cli/main.js', 'serve', '--log-level', 'warn'], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const [line] = await once(server.stdout, 'data');
  const url = String(line).trim();
  for (const file of readdirSync(`${root}.examples`).filter((name) => name.endsWith('.js'))) {
    console.log(`--- ${file}`);
    execFileSync(process.execPath, [`.examples/${file}`, url], { cwd: root, stdio: 'inherit', timeout: 30_000 });
  }
} finally {
  server.kill();
  rmSync(`${root}.examples`, { recursive: true, force: true });
}
