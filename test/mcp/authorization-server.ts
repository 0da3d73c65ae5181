import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { vi } from 'vitest';
import { atEnd } from '../harness/index.js';

export interface AuthorizationServer {
  issuer: string;
  provider: Provider;
  /** What was asked of its token endpoint, by grant type. */
  grants: string[];
  /** Answers nothing but errors while this is true. */
  away: boolean;
  /** How many clients have registered. */
  registrations(): number;
  /** What guards a resource: an answer for those who bear no token for it. */
  guard: (request: { headers: { authorization?: string | undefined } }, url: string) => Promise<Response | undefined>;
}

/** A real authorisation server on loopback: registration by itself, PKCE, resource indicators, rotating refresh tokens. */
export async function startAuthorizationServer({ tokenSeconds = 3600 } = {}): Promise<AuthorizationServer> {
  vi.spyOn(console, 'info').mockReturnValue(); // it talks about being a development server
  vi.spyOn(console, 'warn').mockReturnValue();
  const http = createServer().listen(0, '127.0.0.1');
  await once(http, 'listening');
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    scopes: ['openid', 'offline_access', 'tools'],
    ttl: { AccessToken: tokenSeconds, Grant: 3600, Session: 3600, Interaction: 600, RefreshToken: 3600 },
    features: {
      registration: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ scope: 'tools', accessTokenTTL: tokenSeconds, accessTokenFormat: 'opaque' }),
        useGrantedResource: () => true,
      },
    },
    cookies: { keys: ['test'] },
  });
  const grants: string[] = [];
  provider.use(async (context, next) => {
    await next();
    if (context.path === '/token') grants.push(String(context.oidc?.params?.grant_type));
  });
  let registered = 0;
  provider.on('registration_create.success', () => {
    registered += 1;
  });
  const serve = provider.callback();
  http.on('request', (request, response) => {
    if (server.away) response.writeHead(503).end('away');
    else void serve(request, response);
  });
  atEnd(async () => {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  const server: AuthorizationServer = {
    issuer,
    provider,
    grants,
    away: false,
    registrations: () => registered,
    async guard({ headers }, url) {
      const bearer = headers.authorization?.replace(/^Bearer /, '');
      const token = bearer && (await provider.AccessToken.find(bearer));
      if (token && !token.isExpired && token.aud === url && token.scopes.has('tools')) return undefined;
      const metadata = new URL('/.well-known/oauth-protected-resource/mcp', url);
      return new Response('who are you?', {
        status: 401,
        headers: { 'www-authenticate': `Bearer resource_metadata="${metadata}"` },
      });
    },
  };
  return server;
}

/** What the user does in a browser: opens the URL, logs in, approves, and is sent back to whom it wanted. */
export async function approve(authorizationUrl: URL | string): Promise<Response> {
  const cookies = new Map<string, string>();
  const browse = async (
    url: URL | string,
    form?: Record<string, string>,
  ): Promise<{ url: URL; response: Response }> => {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location === null) return { url: new URL(url), response };
    return browse(new URL(location, url));
  };
  let page = await browse(authorizationUrl);
  for (let step = 0; page.url.pathname.startsWith('/interaction/') && step < 4; step += 1) {
    const html = await page.response.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(html)?.[1] ?? '';
    const action = /action="([^"]+)"/.exec(html)?.[1] ?? page.url;
    page = await browse(new URL(action, page.url), { prompt, login: 'someone', password: 'x' });
  }
  return page.response;
}
