// Compiles src/process/local/sandbox/init.c into init-program.ts. Needs gcc for this machine and for the other one:
// apt-get install gcc gcc-aarch64-linux-gnu (on x86-64). Run it after every change to init.c, and commit what it writes.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = new URL('../src/process/local/sandbox/', import.meta.url);
const source = new URL('init.c', folder).pathname;

const machines = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const flags =
  '-Os -Wall -Wextra -Werror -static -nostdlib -ffreestanding -fno-pic -no-pie -fno-stack-protector -fno-asynchronous-unwind-tables -mgeneral-regs-only -fno-tree-loop-distribute-patterns -s -Wl,--build-id=none,-z,noexecstack,-z,norelro,-z,noseparate-code,--no-warn-rwx-segments'.split(
    ' ',
  );

function compile(machine) {
  const compiler = machines[arch()] === machine ? 'gcc' : `${machine}-gcc`;
  const directory = mkdtempSync(join(tmpdir(), 'sandbox-init-'));
  try {
    const program = join(directory, 'init');
    execFileSync(compiler, [...flags, '-o', program, source], { stdio: 'inherit' });
    execFileSync(compiler.replace(/gcc$/, 'strip'), ['-R', '.comment', program]);
    return readFileSync(program);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const entries = Object.entries(machines).map(([name, machine]) => {
  const base64 = compile(machine).toString('base64');
  const lines = base64.match(/.{1,100}/g).map((line) => `    '${line}'`);
  return `  ${name}: Buffer.from(\n${lines.join(' +\n')},\n    'base64',\n  ),`;
});
writeFileSync(
  new URL('init-program.ts', folder),
  `// Written by scripts/build-sandbox-init.mjs from init.c.
/** The first process inside a sandbox: static ELF programs, by the name that Node has for the machine. */
export const initPrograms: Readonly<Record<string, Buffer>> = {
${entries.join('\n')}
};
`,
);
execFileSync('npx', ['biome', 'check', '--write', new URL('init-program.ts', folder).pathname], { stdio: 'inherit' });
