import { Command, InvalidArgumentError } from 'commander';
import type { HttpMcpServer } from '../mcp/config.js';
import { logIn, logOut } from '../mcp/log-in.js';
import { checkOptions, collect, headerOption, pairs, placeId, withPlace } from './mcp-options.js';
import { tell } from './report-connection.js';
import { addTargetOptions, type TargetOptions } from './target.js';

interface LoginOptions extends TargetOptions {
  header: string[];
  scope: string[];
  clientId?: string;
  callbackPort?: number;
}

export function loginCommand(): Command {
  return headerOption(addTargetOptions(new Command('login')))
    .description('Log in to a server that is reached by HTTP from there, for `proxy`, `list-tools` and programs.')
    .argument('<url>', 'http://… or https://…, as it is reached from there')
    .option('--scope <scope>', 'ask for this; may be repeated. Default: what the server says it takes', collect, [])
    .option('--client-id <id>', 'the client that was registered by hand. Default: one is registered')
    .option('--callback-port <port>', 'where the browser comes back to, on 127.0.0.1. Default: any', port)
    .action(login)
    .exitOverride();
}

export function logoutCommand(): Command {
  return addTargetOptions(new Command('logout'))
    .description('Forget the login to a server.')
    .argument('<url>', 'as it was given to `login`')
    .action(async (url: string, options: TargetOptions) => {
      const forgotten = await logOut(checkUrl(url).url, await placeId(options));
      tell(forgotten ? `forgot the login to ${url}` : `there was no login to ${url}`);
    })
    .exitOverride();
}

async function login(url: string, options: LoginOptions): Promise<void> {
  const { header, scope, clientId, callbackPort } = options;
  const server = checkUrl(url, {
    http_headers: pairs('--header', header, ':'),
    ...(scope.length > 0 && { scopes: scope }),
    ...(clientId !== undefined && { oauth: { client_id: clientId } }),
  });
  await withPlace(options, async (place) => {
    const onAuthorizationUrl = ({ href }: URL) => {
      tell('open this URL in a browser on this machine:');
      process.stdout.write(`${href}\n`);
    };
    await logIn(server, place, { onAuthorizationUrl, callbackPort });
    tell(`logged in to ${url}`);
  });
}

function checkUrl(url: string, options: Partial<HttpMcpServer> = {}): HttpMcpServer {
  // With a URL and no command it is nothing else.
  return checkOptions({ name: 'server', url, ...options }) as HttpMcpServer;
}

function port(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new InvalidArgumentError('expected a port: 0 to 65535');
}
