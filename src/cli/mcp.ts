import { Command } from 'commander';
import type { McpServerConfig } from '../mcp/config.js';
import { connectServer, openTransport } from '../mcp/connect.js';
import { bridgeStdio, hostReady } from '../mcp/stdio-bridge.js';
import { loginCommand, logoutCommand } from './mcp-login.js';
import { checkOptions, collect, headerOption, pairs, withPlace } from './mcp-options.js';
import { mcpServeCommand } from './mcp-serve.js';
import { table } from './ps.js';
import { tell } from './report-connection.js';
import { addTargetOptions, type TargetOptions } from './target.js';

interface McpOptions extends TargetOptions {
  directory?: string;
  var: string[];
  header: string[];
  bearerVar?: string;
  json?: boolean;
}

export function mcpCommand(): Command {
  const command = new Command('mcp')
    .description('Use MCP servers that run on, or are reached from, another machine.')
    .enablePositionalOptions();
  command.addCommand(
    stdioOptions(new Command('connect'))
      .description('Be the MCP server that runs there: for hosts that start servers as local programs.')
      .argument('<command...>', 'the server and its arguments, after --')
      .passThroughOptions()
      .action((argv: string[], options: McpOptions) => bridge(stdioServer(argv, options), options))
      .exitOverride(),
  );
  command.addCommand(
    httpOptions(new Command('proxy'))
      .description('The same for a server that is reached by HTTP from there.')
      .argument('<url>', 'http://… or https://…, as it is reached from there')
      .action((url: string, options: McpOptions) => bridge(httpServer(url, options), options))
      .exitOverride(),
  );
  command.addCommand(
    httpOptions(stdioOptions(new Command('list-tools')))
      .description('Print the tools of a server.')
      .argument('<server...>', 'its URL, or its command and arguments after --')
      .option('--json', 'as JSON, with their schemas')
      .passThroughOptions()
      .action(listTools)
      .exitOverride(),
  );
  command.addCommand(mcpServeCommand());
  command.addCommand(loginCommand());
  command.addCommand(logoutCommand());
  return command;
}

function stdioOptions(command: Command): Command {
  return addTargetOptions(command)
    .option('-C, --directory <dir>', 'start it in this directory, which is absolute')
    .option('-e, --var <name=value>', 'set an environment variable; may be repeated', collect, []);
}

function httpOptions(command: Command): Command {
  const withTarget = command.options.length > 0 ? command : addTargetOptions(command);
  return headerOption(withTarget).option(
    '--bearer-var <name>',
    'the environment variable over there that holds the bearer token',
  );
}

async function bridge(server: McpServerConfig, options: McpOptions): Promise<void> {
  await withPlace(options, async (place) => {
    const transport = await openTransport(server, place, {
      onStderr: toStderr,
      whenReady: () => hostReady(process.stdout),
    });
    const stop = () => void transport.close();
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, stop);
    try {
      const reason = await bridgeStdio(transport, { input: process.stdin, output: process.stdout });
      if (!reason) return;
      tell(reason.message);
      process.exitCode = 1;
    } finally {
      for (const signal of signals) process.off(signal, stop);
      process.stdin.destroy();
    }
  });
}

async function listTools(words: string[], options: McpOptions): Promise<void> {
  const [first = ''] = words;
  const isUrl = words.length === 1 && /^https?:\/\//i.test(first);
  const server = isUrl ? httpServer(first, options) : stdioServer(words, options);
  await withPlace(options, async (place) => {
    const client = await connectServer(server, place, { onStderr: toStderr });
    try {
      const tools = client.getServerCapabilities()?.tools ? (await client.listTools()).tools : [];
      const rows = tools.map(({ name, description = '' }) => [name, description.split('\n')[0] ?? '']);
      process.stdout.write(
        options.json ? `${JSON.stringify(tools, null, 2)}\n` : table([['TOOL', 'DESCRIPTION'], ...rows]),
      );
    } finally {
      await client.close();
    }
  });
}

function stdioServer([command, ...args]: string[], options: McpOptions): McpServerConfig {
  return checkOptions({ name: 'server', command, args, cwd: options.directory, env: pairs('-e', options.var, '=') });
}

function httpServer(url: string, options: McpOptions): McpServerConfig {
  const http_headers = pairs('--header', options.header, ':');
  return checkOptions({ name: 'server', url, http_headers, bearer_token_env_var: options.bearerVar });
}

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
