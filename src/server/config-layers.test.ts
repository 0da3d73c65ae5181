import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'smol-toml';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../../test/harness/scratch.js';
import { LocalFileSystem } from '../files/local/local-file-system.js';
import type { FileSystem } from '../files/types.js';
import { configLayers, requirementLayers } from './config-layers.js';

/** Files below a directory of the test, where `/etc/codex` is too. */
function place() {
  const root = scratchDirectory();
  const local = new LocalFileSystem();
  const mapped = (path: string) => (path.startsWith('/etc/') ? join(root, path) : path);
  const files = {
    readFile: (path, options) => local.readFile(mapped(path), options),
    getMetadata: (path) => local.getMetadata(mapped(path)),
    canonicalize: (path) => local.canonicalize(mapped(path)),
  } satisfies Partial<FileSystem> as unknown as FileSystem;
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const read = (cwd: string, paths: string[][]) =>
    configLayers(files, { cwd: join(root, cwd), codexHome: join(root, 'home/.codex'), paths });
  return { root, files, write, read };
}

function trust(root: string, levels: Record<string, string>): string {
  return Object.entries(levels)
    .map(([path, level]) => `[projects."${join(root, path)}"]\ntrust_level = "${level}"\n`)
    .join('');
}

test('the layers go from the system to the administrator, and the cloud goes above the system', async () => {
  const { root, write, read } = place();
  write('etc/codex/config.toml', 'model = "system"');
  write('etc/codex/managed_config.toml', 'model = "managed"');
  write('home/.codex/config.toml', `model = "user"\n${trust(root, { project: 'trusted' })}`);
  write('project/.git/HEAD', '');
  write('project/.codex/config.toml', 'model = "project"');
  write('project/sub/.codex/config.toml', 'model = "sub"');

  const { layers, cloudInsertionIndex } = await read('project/sub', [['model']]);

  expect(layers).toEqual([
    { source: 'system (/etc/codex/config.toml)', baseDir: 'file:///etc/codex', toml: 'model = "system"\n' },
    {
      source: `user (${root}/home/.codex/config.toml)`,
      baseDir: `file://${root}/home/.codex`,
      toml: 'model = "user"\n',
    },
    {
      source: `project (${root}/project/.codex/config.toml)`,
      baseDir: `file://${root}/project/.codex`,
      toml: 'model = "project"\n',
    },
    {
      source: `project (${root}/project/sub/.codex/config.toml)`,
      baseDir: `file://${root}/project/sub/.codex`,
      toml: 'model = "sub"\n',
    },
    {
      source: 'legacy managed_config.toml (/etc/codex/managed_config.toml)',
      baseDir: 'file:///etc/codex',
      toml: 'model = "managed"\n',
    },
  ]);
  expect(cloudInsertionIndex).toBe(1);
});

test('only what was asked for is told, with its types, and a file that says nothing about it is no layer', async () => {
  const { write, read } = place();
  write('etc/codex/config.toml', 'other = 1');
  write(
    'home/.codex/config.toml',
    'secret = "s"\n[mcp.one]\ncommand = "c"\nargs = ["a", 1.0, 2]\nwhen = 2024-01-02T03:04:05Z\nbig = 9223372036854775807\n' +
      '[mcp.two]\nurl = "u"\n[empty.inner]\nx = 1\n',
  );
  const { layers, cloudInsertionIndex } = await read('', [
    ['mcp', 'one'],
    ['empty', 'nope'],
    ['secret', 'through', 'a', 'value'],
    ['absent'],
  ]);
  expect(cloudInsertionIndex).toBe(0);
  expect(layers).toHaveLength(1);
  const toml = layers[0]?.toml ?? '';
  expect(parse(toml, { integersAsBigInt: true })).toEqual(
    parse(
      'secret = "s"\n[mcp.one]\ncommand = "c"\nargs = ["a", 1.0, 2]\nwhen = 2024-01-02T03:04:05Z\nbig = 9223372036854775807\n[empty]\n',
      { integersAsBigInt: true },
    ),
  );
  expect(toml).toContain('1.0');
});

test.each([
  ['an untrusted project', {}, []],
  ['a project whose root is trusted', { project: 'trusted' }, ['project', 'project/a', 'project/a/b']],
  ['a project of which a part is trusted', { 'project/a': 'trusted' }, ['project/a', 'project/a/b']],
  ['a project of which a part is not', { project: 'trusted', 'project/a': 'untrusted' }, []],
  ['what is above the root', { '': 'trusted' }, []],
])('of %s these directories count', async (_what, levels, expected) => {
  const { root, write, read } = place();
  write('home/.codex/config.toml', trust(root, levels));
  write('project/.git/HEAD', '');
  for (const directory of ['.', 'project', 'project/a', 'project/a/b'])
    write(`${directory}/.codex/config.toml`, 'model = "m"');
  const { layers } = await read('project/a/b', [['model']]);
  expect(layers.map(({ baseDir }) => baseDir)).toEqual(
    expected.map((directory) => `file://${root}/${directory}/.codex`),
  );
});

test('a project that is reached by a link is trusted by its real name', async () => {
  const { root, write, read } = place();
  write('home/.codex/config.toml', trust(root, { project: 'trusted' }));
  write('project/.git/HEAD', '');
  write('project/.codex/config.toml', 'model = "m"');
  symlinkSync(join(root, 'project'), join(root, 'link'));
  const { layers } = await read('link', [['model']]);
  expect(layers.map(({ baseDir }) => baseDir)).toEqual([`file://${root}/link/.codex`]);
});

test('the user says what marks the root of a project', async () => {
  const { root, write, read } = place();
  write(
    'home/.codex/config.toml',
    `project_root_markers = ["MARK"]\n${trust(root, { project: 'trusted', 'project/a': 'trusted' })}`,
  );
  write('project/.git/HEAD', '');
  write('project/.codex/config.toml', 'model = "m"');
  write('project/a/MARK', '');
  write('project/a/.codex/config.toml', 'model = "m"');
  const { layers } = await read('project/a', [['model']]);
  expect(layers.map(({ baseDir }) => baseDir)).toEqual([`file://${root}/project/a/.codex`]);
});

test('a project cannot trust itself', async () => {
  const { root, write, read } = place();
  write('project/.git/HEAD', '');
  write('project/.codex/config.toml', `model = "m"\n${trust(root, { project: 'trusted' })}`);
  expect((await read('project', [['model']])).layers).toEqual([]);
});

test("the user's own directory is the user's layer, and no project's", async () => {
  const { root, write, read } = place();
  write('home/.codex/config.toml', `model = "m"\n${trust(root, { home: 'trusted' })}`);
  expect((await read('home', [['model']])).layers).toHaveLength(1);
});

test('a file that is no TOML is an error that names it, never a layer that is missing', async () => {
  const { root, write, read } = place();
  write('home/.codex/config.toml', 'broken');
  await expect(read('', [['model']])).rejects.toMatchObject({
    code: -32603,
    message: expect.stringContaining(`${root}/home/.codex/config.toml: expected TOML`),
    data: { kind: 'invalid_input', path: `${root}/home/.codex/config.toml` },
  });
});

test('a directory in the place of a file is an error too', async () => {
  const { root, write, read } = place();
  write('home/.codex/config.toml/inside', '');
  await expect(read('', [['model']])).rejects.toThrow(`${root}/home/.codex/config.toml`);
});

test('a cwd that is not there, or is a file, has the layers of the machine and its user', async () => {
  const { write, read } = place();
  write('home/.codex/config.toml', 'model = "m"');
  write('file', '');
  expect((await read('gone/further', [['model']])).layers).toHaveLength(1);
  expect((await read('file', [['model']])).layers).toHaveLength(1);
});

test('requirements are those of the administrator', async () => {
  const { files, write } = place();
  write('etc/codex/requirements.toml', 'allowed = ["never"]\nother = 1');
  expect(await requirementLayers(files, [['allowed']])).toEqual({
    layers: [{ source: '/etc/codex/requirements.toml', baseDir: 'file:///etc/codex', toml: 'allowed = [ "never" ]\n' }],
    cloudInsertionIndex: 1,
  });
  expect(await requirementLayers(files, [])).toEqual({ layers: [], cloudInsertionIndex: 0 });
});
