import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CutProxy, scratchDirectory, startInProcess, until } from '../harness/index.js';
import { execServer, MAIN } from './command-line.js';

const LARGE = Buffer.alloc(24 * 1024 * 1024 + 5, 'not all the same, ');

/** A directory here and one there, which is a server's, and how a command gets there. */
async function places() {
  const here = scratchDirectory();
  const there = scratchDirectory();
  const { url } = await startInProcess();
  const copy = (...args: string[]) => execServer(['cp', '--url', url, ...args]).ended();
  return { here, there, url, copy };
}

describe('cp', () => {
  test('copies a file there and back, under a new name or into a directory', async () => {
    const { here, there, copy } = await places();
    writeFileSync(join(here, 'a'), 'content');
    expect(await copy(join(here, 'a'), `:${there}/b`)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await copy(`:${there}/b`, here)).code).toBe(0);
    expect(readFileSync(join(here, 'b'), 'utf8')).toBe('content');
  });

  test('copies a directory into one that is there, or as a new one, or only what is in it', async () => {
    const { here, there, copy } = await places();
    mkdirSync(join(here, 'tree/sub'), { recursive: true });
    writeFileSync(join(here, 'tree/sub/file'), 'deep');
    symlinkSync('sub', join(here, 'tree/link'));
    const { code, stderr } = await copy('-r', join(here, 'tree'), `:${there}`);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `exec-server: skipped ${here}/tree/link: a link to a directory\n`,
    });
    await copy('-r', join(here, 'tree'), `:${there}/new`);
    await copy('-r', `${here}/tree/.`, `:${there}`);
    for (const path of ['tree/sub/file', 'new/sub/file', 'sub/file']) {
      expect(readFileSync(join(there, path), 'utf8')).toBe('deep');
    }
  });

  test('copies between two other places, and within one', async () => {
    const { here, there, url, copy } = await places();
    const other = scratchDirectory();
    writeFileSync(join(there, 'a'), 'content');
    writeFileSync(
      join(here, 'environments.toml'),
      `[[environments]]\nid = "box"\nprogram = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(MAIN)}, "serve", "--listen", "stdio"]\n`,
    );
    const across = [
      'cp',
      '--url',
      url,
      '--environments',
      join(here, 'environments.toml'),
      `:${there}/a`,
      `box:${other}/b`,
    ];
    expect((await execServer(across).ended()).code).toBe(0);
    expect(readFileSync(join(other, 'b'), 'utf8')).toBe('content');
    expect((await copy(`:${there}/a`, `:${there}/c`)).code).toBe(0);
    expect(readFileSync(join(there, 'c'), 'utf8')).toBe('content');
  });

  test('says which path failed and why, copies the others, and ends with 1', async () => {
    const { here, there, copy } = await places();
    writeFileSync(join(here, 'a'), 'content');
    mkdirSync(join(here, 'd'));
    const { code, stderr } = await copy(join(here, 'none'), join(here, 'd'), join(here, 'a'), `:${there}`);
    expect(code).toBe(1);
    expect(stderr).toContain(`No such file or directory (os error 2): ${here}/none`);
    expect(stderr).toContain(`${here}/d: is a directory: give -r`);
    expect(readdirSync(there)).toEqual(['a']);
    expect((await copy(join(here, 'a'), `:${there}/none/`)).stderr).toContain(
      'is not there: expected a directory to copy into',
    );
  });

  test.each([
    [['a', 'b'], 'both are here'],
    [['a'], 'expected a source and a destination'],
    [['a', ':relative'], 'expected an absolute path after the colon'],
    [['a', ':/b'], 'expected --url, --program or --env'],
    [['a', 'nowhere:/b'], 'nowhere'],
  ])('%j cannot be understood', async (args, why) => {
    const { code, stderr } = await execServer(['cp', ...args], { env: { CODEX_HOME: scratchDirectory() } }).ended();
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(why) });
  });

  test.each([
    ['there', true, 'SIGKILL'],
    ['back', false, 'SIGINT'],
  ] as const)('on the way %s, a large file that was interrupted goes on', async (_way, upward, signal) => {
    const { here, there, url } = await places();
    const [from, to] = upward ? [here, there] : [there, here];
    writeFileSync(join(from, 'large'), LARGE);
    // Slow enough to be caught in the middle, and held there: it cannot end before it is interrupted.
    const proxy = await CutProxy.listen(url, { delayMs: 2 });
    const args = (server: string) => {
      const [source, target] = upward ? [`${from}/large`, `:${to}`] : [`:${from}/large`, to];
      return ['cp', '--url', server, source, target];
    };
    const first = execServer(args(proxy.url));
    await until(() => partBytes(to) > 6 * 1024 * 1024, { timeoutMs: 30_000, what: 'a part of the file' });
    proxy.stall();
    first.child.kill(signal);
    proxy.resume();
    const { code, stderr } = await first.ended();
    if (signal === 'SIGINT') {
      expect({ code, stderr }).toEqual({
        code: 130,
        stderr: expect.stringMatching(
          /large: interrupted; .*\/large\.[0-9a-f]{8}\.part, and the same copy goes on from there\n$/,
        ),
      });
    }
    expect(readdirSync(to)).toEqual([expect.stringMatching(/^large\..*\.part$/)]);
    const again = await execServer(args(url)).ended();
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('large: going on at') });
    expect(readFileSync(join(to, 'large')).equals(LARGE)).toBe(true);
    expect(readdirSync(to)).toEqual(['large']);
  });
});

function partBytes(directory: string): number {
  const name = readdirSync(directory).find((entry) => entry.endsWith('.part'));
  return name === undefined ? 0 : statSync(join(directory, name)).size;
}

describe('cat', () => {
  test('writes files one after the other, says which failed, and ends with 1', async () => {
    const { there, url } = await places();
    writeFileSync(join(there, 'a'), LARGE);
    writeFileSync(join(there, 'b'), 'the end\n');
    const { code, stdout, stderr } = await execServer([
      'cat',
      '--url',
      url,
      `:${there}/a`,
      `${there}/none`,
      `${there}/b`,
    ]).ended();
    expect(stdout === `${LARGE}the end\n`).toBe(true);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`${there}/none`) });
  });

  test('ends quietly when its reader has enough', async () => {
    const { there, url } = await places();
    writeFileSync(join(there, 'a'), LARGE);
    const cat = execServer(['cat', '--url', url, `${there}/a`]);
    await cat.says('not all the same');
    cat.child.stdout.destroy();
    expect(await cat.ended()).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('ls', () => {
  test('lists names in order, with -l type and size, and of several paths each under its name', async () => {
    const { there, url } = await places();
    mkdirSync(join(there, 'dir/empty'), { recursive: true });
    writeFileSync(join(there, 'b'), '12345');
    symlinkSync('b', join(there, 'a'));
    const list = (...args: string[]) => execServer(['ls', '--url', url, ...args]).ended();
    expect(await list(there)).toEqual({ code: 0, stdout: 'a\nb\ndir\n', stderr: '' });
    const rows = (await list('-l', `:${there}`)).stdout.split('\n').map((line) => line.split(/ +/));
    expect(rows.map((row) => [row[0], row.at(-1)])).toEqual([
      ['l', 'a'],
      ['-', 'b'],
      ['d', 'dir'],
      ['', ''],
    ]);
    expect(rows[1]?.[1]).toBe('5');
    const both = await list(`${there}/dir`, `${there}/none`, `${there}/b`);
    expect(both).toEqual({
      code: 1,
      stdout: `:${there}/dir:\nempty\n\n:${there}/b:\n:${there}/b\n`,
      stderr: expect.stringContaining(`${there}/none`),
    });
  });
});
