import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, test } from 'vitest';
import { RemoteEnvironment } from '../../src/environment/index.js';
import { connectServer, type Login, LoginFile, logIn, logOut, McpLoginRequiredError } from '../../src/mcp/index.js';
import { execServer, MAIN } from '../cli/command-line.js';
import { atEnd, scratchDirectory, startInProcess, until } from '../harness/index.js';
import { type AuthorizationServer, approve, startAuthorizationServer } from './authorization-server.js';
import { startHttpMcpServer } from './http-server.js';

/** An MCP server that wants a login, reached through a server of ours; the tokens live `tokenSeconds`. */
async function guarded(options: { tokenSeconds?: number } = {}) {
  const authorization = await startAuthorizationServer(options);
  const mcp = await startHttpMcpServer({
    tools: (server) =>
      void server.registerTool('hello', {}, () => ({ content: [{ type: 'text', text: 'only for those I know' }] })),
    async guard(request, url) {
      if (request.url === '/.well-known/oauth-protected-resource/mcp') {
        return Response.json({
          resource: url,
          authorization_servers: [authorization.issuer],
          scopes_supported: ['tools'],
        });
      }
      return authorization.guard(request, url);
    },
  });
  const { url: executor } = await startInProcess();
  const place = new RemoteEnvironment({ id: 'far', url: executor });
  atEnd(() => place.close());
  const logins = new LoginFile(join(scratchDirectory(), 'state', 'logins.json'));
  const server = { name: 'guarded', url: mcp.url };
  const connect = async () => {
    const client = await connectServer(server, place, { logins });
    atEnd(() => client.close());
    return client;
  };
  const login = () => logIn(server, place, { logins, onAuthorizationUrl: (url) => void approve(url) });
  /** The tokens as they are kept. */
  const kept = async () => (await logins.find(`far ${mcp.url}`))?.tokens;
  return { authorization, mcp, executor, place, logins, server, connect, login, kept };
}

const hello = (client: Client) => client.callTool({ name: 'hello' });
const known = { content: [{ type: 'text', text: 'only for those I know' }] };

/** Waits for the end of an access token's time. */
async function expired({ provider }: AuthorizationServer, token: string | undefined): Promise<void> {
  await until(async () => (await provider.AccessToken.find(token ?? ''))?.isExpired !== false);
}

test('without a login, the error says how to get one', async () => {
  const { connect, mcp } = await guarded();
  const failure = connect();
  await expect(failure).rejects.toThrow(McpLoginRequiredError);
  await expect(failure).rejects.toThrow(`exec-server mcp login ${mcp.url}`);
});

test('a login finds the authorisation server, registers, has the user approve, and is good for the next connection', async () => {
  const { authorization, connect, login, logins, kept } = await guarded();
  await login();
  expect(authorization.registrations()).toBe(1);
  expect(authorization.grants).toEqual(['authorization_code']);
  const client = await connect();
  expect(await hello(client)).toMatchObject(known);
  expect(await kept()).toMatchObject({ access_token: expect.any(String), refresh_token: expect.any(String) });
  expect(statSync(logins.path).mode & 0o777).toBe(0o600);
  expect(authorization.grants).toEqual(['authorization_code']);
});

test('an access token that has expired is renewed once, for all who call at the time', async () => {
  const { authorization, connect, login, kept } = await guarded({ tokenSeconds: 3 });
  await login();
  // Its client is kept from before: the second connection is another process as far as tokens go.
  const clients = [await connect(), await connect()];
  const before = await kept();
  await expired(authorization, before?.access_token);
  authorization.grants.length = 0;
  const answers = await Promise.all([...clients, ...clients].map(hello));
  expect(answers).toEqual(Array.from({ length: 4 }, () => expect.objectContaining(known)));
  expect(authorization.grants).toEqual(['refresh_token']);
  expect((await kept())?.access_token).not.toBe(before?.access_token);
});

test('a login that has been revoked is an error that asks for another, which the server needs no restart for', async () => {
  const { authorization, connect, login, kept, mcp } = await guarded();
  await login();
  const client = await connect();
  const tokens = await kept();
  const refresh = await authorization.provider.RefreshToken.find(tokens?.refresh_token ?? '');
  await (await authorization.provider.AccessToken.find(tokens?.access_token ?? ''))?.destroy();
  await refresh?.destroy();
  const refused = hello(client);
  await expect(refused).rejects.toThrow(
    `${mcp.url} does not accept the login any more (invalid_grant): log in with \`exec-server mcp login ${mcp.url}\``,
  );
  const text = await refused.catch((error: unknown) => JSON.stringify(error, Object.getOwnPropertyNames(error)));
  for (const secret of [tokens?.access_token, tokens?.refresh_token]) expect(text).not.toContain(secret);
  expect(await kept()).toBeUndefined();
  await login();
  expect(await hello(client)).toMatchObject(known);
});

test('an authorisation server that is away is no reason to log in again', async () => {
  const { authorization, connect, login, kept } = await guarded();
  await login();
  const client = await connect();
  const tokens = await kept();
  await (await authorization.provider.AccessToken.find(tokens?.access_token ?? ''))?.destroy();
  authorization.away = true;
  await expect(hello(client)).rejects.toThrow('could not be renewed');
  expect(await kept()).toEqual(tokens);
  authorization.away = false;
  expect(await hello(client)).toMatchObject(known);
});

test('a login that the user refuses leaves the one before as it was', async () => {
  const { server, place, login, logins, kept } = await guarded();
  await login();
  const before = await kept();
  const onAuthorizationUrl = (url: URL) => {
    const back = new URL(url.searchParams.get('redirect_uri') ?? '');
    back.searchParams.set('state', 'of somebody else');
    back.searchParams.set('code', 'forged');
    void fetch(back).then((forged) => {
      expect(forged.status).toBe(400);
      back.searchParams.delete('code');
      back.searchParams.set('state', url.searchParams.get('state') ?? '');
      back.searchParams.set('error', 'access_denied');
      back.searchParams.set('error_description', 'not today');
      return fetch(back);
    });
  };
  await expect(logIn(server, place, { logins, onAuthorizationUrl })).rejects.toThrow('it was refused: not today');
  expect(await kept()).toEqual(before);
});

test('a server that asks nobody is not logged in to, and a login can be given up', async () => {
  const { place, logins, server } = await guarded();
  const open = await startHttpMcpServer({ tools: () => undefined });
  const onAuthorizationUrl = () => undefined;
  await expect(logIn({ name: 'open', url: open.url }, place, { logins, onAuthorizationUrl })).rejects.toThrow(
    'it does not ask for one: it answered 200',
  );
  const giveUp = new AbortController();
  const given = logIn(server, place, {
    logins,
    onAuthorizationUrl: () => giveUp.abort(new Error('never mind')),
    signal: giveUp.signal,
  });
  await expect(given).rejects.toThrow('never mind');
  expect(existsSync(logins.path)).toBe(false);
});

test('a file that others may read is refused, with what to do', async () => {
  const { login, connect, logins } = await guarded();
  await login();
  chmodSync(logins.path, 0o644);
  await expect(connect()).rejects.toThrow(/expected mode 0600, has 0644: run `chmod 600`/);
});

test('logging out forgets the login, and no login is sent to the same URL of another environment', async () => {
  const { login, connect, logins, mcp } = await guarded();
  await login();
  const { url } = await startInProcess();
  const elsewhere = new RemoteEnvironment({ id: 'elsewhere', url });
  atEnd(() => elsewhere.close());
  await expect(connectServer({ name: 'g', url: mcp.url }, elsewhere, { logins })).rejects.toThrow('wants a login');
  expect(await logOut(mcp.url, 'far', logins)).toBe(true);
  expect(await logOut(mcp.url, 'far', logins)).toBe(false);
  await expect(connect()).rejects.toThrow('wants a login');
});

test('mcp login, list-tools, proxy and logout on the command line', async () => {
  const { mcp, executor, authorization } = await guarded();
  const state = scratchDirectory();
  const env = { XDG_STATE_HOME: state };
  const where = ['--url', executor];
  const login = execServer(['mcp', 'login', ...where, mcp.url], { env });
  await until(() => login.stdout().includes('\n'), { timeoutMs: 20_000 });
  await approve(login.stdout().trim());
  expect(await login.ended()).toMatchObject({ code: 0, stderr: expect.stringContaining(`logged in to ${mcp.url}`) });
  const listed = await execServer(['mcp', 'list-tools', ...where, mcp.url], { env }).ended();
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('hello') });
  // Three processes at once, with one dead token between them.
  const file = join(state, 'exec-server', 'mcp-logins.json');
  const [kept] = Object.values(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Login>);
  await (await authorization.provider.AccessToken.find(kept?.tokens?.access_token ?? ''))?.destroy();
  authorization.grants.length = 0;
  const hosts = await Promise.all([1, 2, 3].map(() => proxied([...where, mcp.url], env)));
  expect(await Promise.all(hosts.map(hello))).toEqual(hosts.map(() => expect.objectContaining(known)));
  expect(authorization.grants).toEqual(['refresh_token']);
  const logout = await execServer(['mcp', 'logout', ...where, mcp.url], { env }).ended();
  expect(logout).toMatchObject({ code: 0, stderr: expect.stringContaining('forgot the login') });
  const without = await execServer(['mcp', 'list-tools', ...where, mcp.url], { env }).ended();
  expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('exec-server mcp login') });
});

async function proxied(args: string[], env: Record<string, string>): Promise<Client> {
  const client = new Client({ name: 'host', version: '1' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [MAIN, 'mcp', 'proxy', ...args],
      env: { ...(process.env as Record<string, string>), ...env },
      stderr: 'ignore',
    }),
  );
  atEnd(() => client.close());
  return client;
}
