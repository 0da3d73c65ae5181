import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import { cleanPath, type NativePath } from '../protocol/paths.js';
import type { SandboxContext } from '../protocol/sandbox.js';
import { createMcpServer } from '../unified-exec/mcp-server.js';
import { PERMISSION_MODES, type PermissionMode, permissionsOf } from '../unified-exec/permission-modes.js';
import { probeSandbox } from '../unified-exec/probe-sandbox.js';
import type { CommandPlace } from '../unified-exec/types.js';
import { UnifiedExecManager } from '../unified-exec/unified-exec-manager.js';
import { tell } from './report-connection.js';
import { addTargetOptions, openTarget, type TargetOptions } from './target.js';
import { UsageError } from './usage-error.js';

interface McpServeOptions extends TargetOptions {
  permissions: string;
  network?: boolean;
  cwd?: string;
}

export function mcpServeCommand(): Command {
  return addTargetOptions(new Command('serve'))
    .description('Be an MCP server, on stdin and stdout, that offers commands and files to any MCP host.')
    .option('-C, --cwd <dir>', 'the workspace; of another machine it has to be given (default: this directory)')
    .option(
      '--permissions <profile>',
      `what files and commands may do: ${PERMISSION_MODES.join(', ')}, or a JSON file with a permission profile`,
      'workspace-write',
    )
    .option('--network', 'commands may use the network; with a profile it is up to the profile')
    .action(serve)
    .exitOverride();
}

async function serve(options: McpServeOptions): Promise<void> {
  const cwd = workspaceOf(options);
  const sandbox = await sandboxOf(options, cwd);
  const target = await openTarget(options);
  try {
    const place: CommandPlace = { id: 'target', ...target };
    await checkPlace(place, cwd, sandbox);
    await using manager = new UnifiedExecManager({ environments: place, cwd, sandbox });
    const workspace = { files: target.files, cwd, sandbox };
    const lost = new Promise<Error>((resolve) => target.onFailed(resolve));
    const failure = await serveUntilEnd(() => createMcpServer({ manager, workspace }), lost);
    if (failure) throw failure;
  } finally {
    await target.close({ keep: false });
  }
}

/** Resolves when the host has ended the connection, with nothing, or when there is nothing left to serve, with why. */
async function serveUntilEnd(
  factory: () => ReturnType<typeof createMcpServer>,
  lost: Promise<Error>,
): Promise<Error | undefined> {
  const { serveStdio, StdioServerTransport } = await import('@modelcontextprotocol/server/stdio');
  const { stdin, stdout } = process;
  const transport = new StdioServerTransport(stdin, stdout, { maxBufferSize: MAX_MESSAGE_BYTES });
  const server = serveStdio(factory, { transport, onerror: ({ message }) => tell(message) });
  const stopped = new AbortController();
  const { signal } = stopped;
  const ends = ['end', 'close', 'error'].map((event) => once(stdin, event, { signal }));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((event) => once(process, event, { signal }));
  const unread = once(stdout, 'error', { signal });
  const over = Promise.race([...ends, ...signals, unread]).then(
    () => undefined,
    () => undefined, // stdin failed: nobody will say anything more
  );
  try {
    return await Promise.race([over, lost]);
  } finally {
    stopped.abort();
    await Promise.allSettled([...ends, ...signals, unread]);
    await server.close();
    stdin.destroy();
  }
}

/** Throws UsageError. */
function workspaceOf(options: McpServeOptions): NativePath {
  const { cwd, permissions } = options;
  const isElsewhere = options.url !== undefined || options.program !== undefined || options.env !== undefined;
  if (cwd === undefined && isElsewhere) throw new UsageError('--cwd: expected the absolute path of a directory there');
  if (cwd !== undefined && isElsewhere && !cwd.startsWith('/')) {
    throw new UsageError(`--cwd: expected an absolute path, as the directory is elsewhere, got \`${cwd}\``);
  }
  const workspace = cleanPath(cwd?.startsWith('/') ? cwd : `${process.cwd()}/${cwd ?? ''}`);
  if (workspace === '/' && permissions === 'workspace-write') {
    throw new UsageError(
      '--cwd: with `/` for the workspace everything could be written: name a directory, or say --permissions danger-full-access',
    );
  }
  return workspace;
}

async function sandboxOf({ permissions, network }: McpServeOptions, cwd: NativePath): Promise<SandboxContext> {
  if (isMode(permissions)) return permissionsOf(permissions, { cwd, network });
  const modes = PERMISSION_MODES.map((mode) => `\`${mode}\``).join(', ');
  try {
    return permissionsOf(JSON.parse(await readFile(permissions, 'utf8')) as Record<string, unknown>, { cwd });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const expected = `expected ${modes}, or a JSON file with a permission profile`;
    throw new UsageError(`--permissions: ${expected}, got \`${permissions}\`: ${why}`, { cause: error });
  }
}

function isMode(permissions: string): permissions is PermissionMode {
  return (PERMISSION_MODES as readonly string[]).includes(permissions);
}

/** A sandbox that cannot be had, or a workspace that is none, is found out before a model is let at it. */
async function checkPlace(place: CommandPlace, cwd: NativePath, sandbox: SandboxContext): Promise<void> {
  const { isDirectory } = await place.files.getMetadata(cwd);
  if (!isDirectory) throw new Error(`--cwd: ${cwd} is not a directory`);
  if (sandbox.permissions.type === 'managed') await probeSandbox(place, sandbox, cwd);
}
