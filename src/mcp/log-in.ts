import type { OAuthClientMetadata, OAuthClientProvider } from '@modelcontextprotocol/client';
import { createFetch, type Fetch } from '../http/fetch.js';
import { VERSION } from '../protocol/version.js';
import { CallbackListener } from './callback-listener.js';
import type { HttpMcpServer } from './config.js';
import { McpLoginError } from './errors.js';
import { headersOf } from './http-headers.js';
import type { HttpPlace } from './http-transport.js';
import { LOGIN_TIMEOUT_MS } from './limits.js';
import { type Login, LoginFile, loginKey } from './login-file.js';
import { whatWentWrong } from './oauth-failure.js';
import { withServerHeaders } from './server-headers.js';

export interface LogInOptions {
  /** Called with the URL that the user opens in a browser on this machine. */
  onAuthorizationUrl: (url: URL) => void;
  /** Where it is kept. Default: the user's own file. */
  logins?: LoginFile | undefined;
  /** Of the loopback listener that the browser comes back to; needed where a client is registered with one. Default: any. */
  callbackPort?: number | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Logs in to a server: finds its authorisation server, registers with it unless the configuration names a client, has the
 * user approve, and keeps the tokens. All requests start in the environment, but the browser's. Rejects with McpLoginError
 * when it comes to nothing or takes more than ten minutes, with the signal's reason when that aborts.
 */
export async function logIn(server: HttpMcpServer, place: HttpPlace, options: LogInOptions): Promise<void> {
  const { logins = new LoginFile(), onAuthorizationUrl, callbackPort, signal } = options;
  await using callback = await CallbackListener.open(callbackPort);
  const login: Login = {};
  try {
    await authorize(server, place, loginProvider(server, login, callback, onAuthorizationUrl), () =>
      inTime(callback.answer, signal),
    );
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new McpLoginError(server.url, whatWentWrong(error));
  }
  const key = loginKey(server.url, place.id);
  // Not while somebody renews the tokens of the login before, and would put them in the place of ours.
  await logins.exclusively(key, () => logins.update(key, () => login));
}

/** Forgets the login. False if there was none. The server is not told: its tokens end by themselves. */
export async function logOut(url: string, placeId: string, logins: LoginFile = new LoginFile()): Promise<boolean> {
  const key = loginKey(url, placeId);
  return logins.exclusively(key, async () => {
    if (!(await logins.find(key))) return false;
    await logins.update(key, () => undefined);
    return true;
  });
}

async function authorize(
  server: HttpMcpServer,
  place: HttpPlace,
  provider: OAuthClientProvider,
  answered: () => Promise<URLSearchParams>,
): Promise<void> {
  const { auth, extractWWWAuthenticateParams } = await import('@modelcontextprotocol/client');
  const url = new URL(server.url);
  const fetch = createFetch(withServerHeaders(place.http, url, headersOf(server)));
  const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(await challenge(url, fetch));
  const request = {
    serverUrl: url,
    fetchFn: fetch,
    ...(resourceMetadataUrl && { resourceMetadataUrl }),
    ...scopeOf(server.scopes?.join(' ') ?? scope),
  };
  await auth(provider, request);
  const answer = await answered();
  const refusal = answer.get('error');
  if (refusal !== null) throw new Error(`it was refused: ${answer.get('error_description') ?? refusal}`);
  const [authorizationCode, iss] = [answer.get('code'), answer.get('iss')];
  if (authorizationCode === null) throw new Error('the browser came back without a code');
  await auth(provider, { ...request, authorizationCode, ...(iss !== null && { iss }) });
}

/** What the server answers to somebody it does not know: it says there who can vouch for them. */
async function challenge(url: URL, fetch: Fetch): Promise<Response> {
  const { LATEST_PROTOCOL_VERSION } = await import('@modelcontextprotocol/client');
  const clientInfo = { name: 'exec-server', version: VERSION };
  const params = { protocolVersion: LATEST_PROTOCOL_VERSION, capabilities: {}, clientInfo };
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
  });
  await response.body?.cancel();
  if (response.status !== 401) {
    throw new Error(
      `it does not ask for one: it answered ${response.status} to somebody it does not know, expected 401`,
    );
  }
  return response;
}

/** Gathers in `login` what is to be kept. A failed login leaves nothing, and the one before it as it was. */
function loginProvider(
  { scopes, oauth }: HttpMcpServer,
  login: Login,
  callback: CallbackListener,
  onAuthorizationUrl: (url: URL) => void,
): OAuthClientProvider {
  if (oauth?.client_id !== undefined) login.client = { client_id: oauth.client_id };
  let verifier = '';
  const clientMetadata: OAuthClientMetadata = {
    client_name: 'exec-server',
    redirect_uris: [callback.url],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...scopeOf(scopes?.join(' ')),
  };
  return {
    redirectUrl: callback.url,
    clientMetadata,
    state: () => callback.state,
    clientInformation: () => login.client,
    saveClientInformation(client) {
      login.client = client;
    },
    tokens: () => undefined,
    saveTokens(tokens) {
      login.tokens = tokens;
    },
    redirectToAuthorization: onAuthorizationUrl,
    saveCodeVerifier(fresh) {
      verifier = fresh;
    },
    codeVerifier: () => verifier,
    saveDiscoveryState(discovery) {
      login.discovery = discovery;
    },
    discoveryState: () => login.discovery,
  };
}

function scopeOf(scope: string | undefined): { scope?: string } {
  return scope ? { scope } : {};
}

async function inTime<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const limit = AbortSignal.timeout(LOGIN_TIMEOUT_MS);
  const given = signal ? AbortSignal.any([limit, signal]) : limit;
  const ended = new Promise<never>((_resolve, reject) => {
    const why = () => reject(limit.aborted ? new Error('nobody approved it in time') : given.reason);
    if (given.aborted) why();
    given.addEventListener('abort', why, { once: true });
  });
  return Promise.race([promise, ended]);
}
