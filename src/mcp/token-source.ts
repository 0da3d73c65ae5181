import type { AuthProvider, FetchLike } from '@modelcontextprotocol/client';
import type { Fetch } from '../http/fetch.js';
import { McpLoginRequiredError, McpUnavailableError } from './errors.js';
import { TOKEN_REFRESH_TIMEOUT_MS } from './limits.js';
import type { Login, LoginFile } from './login-file.js';
import { whatWentWrong } from './oauth-failure.js';

type Unauthorized = Parameters<NonNullable<AuthProvider['onUnauthorized']>>[0];

/** What an authorisation server says of a refresh token, or of a client, that it does not accept any more. */
const LOGIN_HAS_ENDED = ['invalid_grant', 'invalid_client', 'unauthorized_client'];

/**
 * The tokens of a login, as the SDK's transport asks for them. One that is refused is refreshed once for all who have
 * been refused it, in whatever process: an authorisation server may take a refresh token that comes twice for a stolen one.
 */
export class TokenSource implements AuthProvider {
  readonly #logins: LoginFile;
  readonly #key: string;
  readonly #server: { name: string; url: string };
  /** The answers of the server, and the token that their request bore. */
  readonly #bearer = new WeakMap<Response, string | undefined>();
  #refreshing: Promise<void> | undefined;

  constructor(logins: LoginFile, key: string, server: { name: string; url: string }) {
    this.#logins = logins;
    this.#key = key;
    this.#server = server;
  }

  /** A fetch whose answers `onUnauthorized` can tell apart. */
  watching(fetch: Fetch): Fetch {
    return async (input, init) => {
      const response = await fetch(input, init);
      this.#bearer.set(response, new Headers(init?.headers).get('authorization')?.replace(/^Bearer /, ''));
      return response;
    };
  }

  async token(): Promise<string | undefined> {
    return (await this.#logins.find(this.#key))?.tokens?.access_token;
  }

  /**
   * Resolves when there is another token than the one that was refused. Rejects with McpLoginRequiredError when only a
   * login can bring one, with McpUnavailableError when the authorisation server could not be asked.
   */
  async onUnauthorized({ response, fetchFn }: Unauthorized): Promise<void> {
    const refused = this.#bearer.get(response);
    this.#refreshing ??= this.#logins
      .exclusively(this.#key, () => this.#replace(refused, fetchFn))
      .finally(() => {
        this.#refreshing = undefined;
      });
    await this.#refreshing;
  }

  async #replace(refused: string | undefined, fetchFn: FetchLike): Promise<void> {
    const login = await this.#logins.find(this.#key);
    if (!login?.tokens) throw new McpLoginRequiredError(this.#server.url, 'wants a login');
    // Somebody else has refreshed it, or logged in, since the request was sent.
    if (login.tokens.access_token !== refused) return;
    const tokens = await this.#refresh(login, fetchFn);
    await this.#logins.update(this.#key, (current) => ({ ...current, tokens }));
  }

  async #refresh({ tokens, client, discovery }: Login, fetchFn: FetchLike): Promise<Login['tokens']> {
    if (!tokens?.refresh_token || !client || !discovery) {
      throw new McpLoginRequiredError(this.#server.url, 'does not accept the login any more, and it cannot be renewed');
    }
    const { refreshAuthorization, OAuthError } = await import('@modelcontextprotocol/client');
    const signal = AbortSignal.timeout(TOKEN_REFRESH_TIMEOUT_MS);
    try {
      const fresh = await refreshAuthorization(discovery.authorizationServerUrl, {
        ...(discovery.authorizationServerMetadata && { metadata: discovery.authorizationServerMetadata }),
        ...(discovery.resourceMetadata && { resource: discovery.resourceMetadata.resource }),
        clientInformation: client,
        refreshToken: tokens.refresh_token,
        fetchFn: (url, init) => fetchFn(url, { ...init, signal }),
      });
      return { ...tokens, ...fresh };
    } catch (error) {
      if (error instanceof OAuthError && LOGIN_HAS_ENDED.includes(error.code)) {
        await this.#logins.update(this.#key, ({ tokens: _ended, ...rest }) => rest);
        throw new McpLoginRequiredError(this.#server.url, `does not accept the login any more (${error.code})`);
      }
      const why = `its access token could not be renewed: ${whatWentWrong(error)}`;
      throw new McpUnavailableError(this.#server.name, why, { retryable: true });
    }
  }
}
