import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { StartParams } from '../../src/process/types.js';
import { newBackend, startScript } from './launchers.js';
import { record } from './recording.js';
import { noSandbox, sandbox } from './sandboxes.js';
import { scratchDir, writeProgram } from './scratch-dir.js';

/** A workspace with something next to it. */
function places(): { workspace: string; outside: string } {
  const base = scratchDir();
  const workspace = join(base, 'workspace');
  const outside = join(base, 'outside');
  for (const directory of [workspace, outside]) mkdirSync(directory);
  writeFileSync(join(outside, 'file'), 'kept');
  return { workspace, outside };
}

async function run(script: string, more: Partial<StartParams>, backend = newBackend(undefined)) {
  const process = await startScript(backend, script, more);
  return { ...(await record(process)), denied: (await process.read()).sandboxDenied, info: process.info() };
}

describe.skipIf(noSandbox)(`files in a sandbox ${noSandbox ?? ''}`, () => {
  test('the workspace is written, everything else only read', async () => {
    const { workspace, outside } = places();
    const { stdout, stderr, exitCode, denied, info } = await run(
      `cat ../outside/file; echo new > new; echo mine > ../outside/file; echo x > ../outside/new; rm ../outside/file; ln -s ../outside out; echo x > out/new; exit 4`,
      { cwd: workspace, sandbox: sandbox({ ':root': 'read', [workspace]: 'write' }) },
    );
    expect(stdout).toBe('kept');
    expect(stderr.match(/Read-only file system/g)).toHaveLength(4);
    expect({ exitCode, denied, sandboxType: info.sandboxType }).toEqual({
      exitCode: 4,
      denied: true,
      sandboxType: 'linuxSeccomp',
    });
    expect(readdirSync(workspace).sort()).toEqual(['new', 'out']);
    expect(readdirSync(outside)).toEqual(['file']);
    expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('kept');
  });

  test('without reading the root, only what is granted is there, and writes to nowhere fail', async () => {
    const { workspace, outside } = places();
    const { stdout, stderr, exitCode } = await run(
      `ls ..; cat ${outside}/file; echo x > /somewhere; mkdir ${outside}; echo x > /dev/somewhere; echo x > ok && cat ok`,
      { cwd: workspace, sandbox: sandbox({ ':minimal': 'read', [workspace]: 'write' }) },
    );
    expect(stdout).toBe('workspace\nx\n');
    expect(stderr).toContain('file: No such file or directory');
    expect(stderr.match(/Read-only file system/g)).toHaveLength(3);
    expect(exitCode).toBe(0);
  });

  test('.git, .codex and .agents of a workspace are read-only, those deeper down are not', async () => {
    const { workspace } = places();
    for (const directory of ['.git', '.codex', 'deeper']) mkdirSync(join(workspace, directory));
    writeFileSync(join(workspace, '.agents'), 'a file');
    const script =
      'echo x > .git/config; mkdir .codex/new; echo x > .agents; mv .git git; rm -r .codex; mkdir deeper/.git && echo done';
    const { stdout, stderr } = await run(script, {
      cwd: workspace,
      sandbox: sandbox({ ':root': 'read', [workspace]: 'write' }),
    });
    expect(stdout).toBe('done\n');
    expect(stderr.split('\n').filter(Boolean)).toHaveLength(5);
    expect(readdirSync(workspace).sort()).toEqual(['.agents', '.codex', '.git', 'deeper']);
    expect(readdirSync(join(workspace, '.git'))).toEqual([]);
    expect(readFileSync(join(workspace, '.agents'), 'utf8')).toBe('a file');
  });

  test('they cannot be created either, and nothing is left of what prevents it', async () => {
    const { workspace } = places();
    const script = 'mkdir .git; echo x > .git/config; rmdir .codex; mv .agents agents; ls -A > listed; sleep 0.3';
    const confined = { cwd: workspace, sandbox: sandbox({ ':root': 'read', [workspace]: 'write' }) };
    // Two at once of one server share what prevents it.
    const backend = newBackend(undefined);
    const [{ stderr }] = await Promise.all([run(script, confined, backend), run('exit 0', confined, backend)]);
    expect(stderr.split('\n').filter(Boolean)).toHaveLength(4);
    expect(readFileSync(join(workspace, 'listed'), 'utf8')).toBe('.agents\n.codex\n.git\nlisted\n');
    expect(readdirSync(workspace)).toEqual(['listed']);
  });

  test('a link in the place of .git refuses the start, for a mount cannot protect it', async () => {
    const { workspace, outside } = places();
    symlinkSync(outside, join(workspace, '.git'));
    const start = run('echo x > ran', { cwd: workspace, sandbox: sandbox({ ':root': 'read', [workspace]: 'write' }) });
    await expect(start).rejects.toMatchObject({
      code: -32600,
      kind: 'sandbox_unavailable',
      message: expect.stringContaining('symbolic link'),
    });
    expect(readdirSync(workspace)).toEqual(['.git']);
  });

  test('what is denied below a workspace is neither read nor written nor moved away, existing or not', async () => {
    const { workspace } = places();
    mkdirSync(join(workspace, 'a/secrets'), { recursive: true });
    writeFileSync(join(workspace, 'a/secrets/key'), 'secret');
    writeFileSync(join(workspace, 'a/file'), 'secret');
    const rules = {
      'a/secrets': 'none',
      'a/file': 'none',
      'a/missing/deep': 'none',
      'a/secrets/public': 'write',
    } as const;
    mkdirSync(join(workspace, 'a/secrets/public'));
    const entries = Object.entries(rules).map(([path, access]) => [join(workspace, path), access]);
    const script = `ls a/secrets; cat a/secrets/key a/file; echo x > a/secrets/new; echo x > a/file; mv a b; rm -rf a/secrets; mkdir -p a/missing/deep; echo x > a/secrets/public/new; echo x > a/other`;
    const { stdout, stderr } = await run(script, {
      cwd: workspace,
      sandbox: sandbox({ ':root': 'read', [workspace]: 'write', ...Object.fromEntries(entries) }),
    });
    expect(stdout).toBe('');
    expect(stderr.match(/Permission denied|Read-only file system|busy/g)?.length).toBeGreaterThanOrEqual(7);
    expect(readdirSync(join(workspace, 'a')).sort()).toEqual(['file', 'other', 'secrets']);
    expect(readdirSync(join(workspace, 'a/secrets/public'))).toEqual(['new']);
    expect(readFileSync(join(workspace, 'a/file'), 'utf8')).toBe('secret');
    expect(existsSync(join(workspace, 'a/secrets/new'))).toBe(false);
  });

  test('what a deny pattern matches at the start is hidden', async () => {
    const { workspace } = places();
    mkdirSync(join(workspace, 'deep/er'), { recursive: true });
    for (const name of ['.env', 'deep/er/.env', 'deep/plain']) writeFileSync(join(workspace, name), 'secret');
    const { stdout, stderr } = await run('cat .env deep/er/.env; echo x > .env; cat deep/plain', {
      cwd: workspace,
      sandbox: sandbox({ ':root': 'read', [workspace]: 'write', [`${workspace}/**/.env`]: 'none' }),
    });
    expect(stdout).toBe('secret');
    expect(stderr.match(/Permission denied|Read-only/g)).toHaveLength(3);
    expect(readFileSync(join(workspace, '.env'), 'utf8')).toBe('secret');
  });

  test("the server's own temporary directory is out of sight where temporary files are granted", async () => {
    const temporary = scratchDir();
    vi.stubEnv('TMPDIR', temporary);
    vi.stubEnv('XDG_RUNTIME_DIR', temporary);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { stdout, stderr } = await run(
      'echo x > mine; ls -d exec-server-*; ls exec-server-*; cat "$(echo exec-server-*)/leaders"',
      {
        cwd: temporary,
        sandbox: sandbox({ ':root': 'read', ':tmpdir': 'write' }),
      },
    );
    expect(stdout).toMatch(/^exec-server-\w+\n$/);
    expect(stderr.match(/Permission denied/g)).toHaveLength(2);
    expect(readFileSync(join(temporary, 'mine'), 'utf8')).toBe('x\n');
  });

  test('rights that a command gives itself, as root or in a namespace of its own, do not lift it', async () => {
    const { workspace, outside } = places();
    const secret = join(workspace, 'secret');
    writeFileSync(secret, 'kept secret');
    const attack = `mount -o remount,bind,rw /; umount ${secret}; cat ${secret}; echo x > ${outside}/new`;
    const { stdout } = await run(
      `${attack}; unshare -Urm sh -c '${attack}; mount -t tmpfs none /mnt && echo mounted'`,
      {
        cwd: workspace,
        sandbox: sandbox({ ':root': 'read', [workspace]: 'write', [secret]: 'none' }),
      },
    );
    expect(stdout).not.toContain('kept secret');
    expect(readdirSync(outside)).toEqual(['file']);
    expect(readFileSync(secret, 'utf8')).toBe('kept secret');
  });

  test('the environment does not reach bubblewrap, which runs outside', async () => {
    const { workspace } = places();
    const library = writeProgram(workspace, 'library.so', 'not a library');
    const { stdout, exitCode } = await run('echo "$LD_PRELOAD $PWD $SECRET"', {
      cwd: workspace,
      env: { LD_PRELOAD: library, SECRET: 'told' },
      sandbox: sandbox({ ':root': 'read' }),
    });
    expect(stdout).toBe(`${library} ${workspace} told\n`);
    expect(exitCode).toBe(0);
  });
});
