import { httpFailed } from '../errors.js';
import { withoutSecrets } from './check-url.js';
import { bypassesProxy } from './no-proxy.js';

/** The proxy to use, and the variable that names it. */
export interface OutboundProxy {
  url: URL;
  variable: string;
}

const SCHEMES = new Set(['http:', 'https:', 'socks5:', 'socks5h:', 'socks:']);

/**
 * What the environment says about proxies: HTTP_PROXY or HTTPS_PROXY by the scheme of the target, else ALL_PROXY, unless
 * NO_PROXY names the target. As with curl, lower case goes before upper case, empty is unset, and no scheme means http.
 */
export function proxyFor(target: URL, env: NodeJS.ProcessEnv): OutboundProxy | undefined {
  const ofScheme = target.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const [variable, value] = lookUp(ofScheme, env) ?? lookUp('all_proxy', env) ?? [];
  if (variable === undefined || value === undefined) return undefined;
  if (bypassesProxy(target, lookUp('no_proxy', env)?.[1] ?? '')) return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.hostname && SCHEMES.has(url.protocol)) return { url, variable };
  throw httpFailed({
    reason: 'proxy',
    phase: 'connect',
    url: withoutSecrets(target).href,
    // The value may hold a password.
    text: `the environment variable ${variable} is not the URL of an http, https or socks5 proxy`,
  });
}

function lookUp(name: string, env: NodeJS.ProcessEnv): [variable: string, value: string] | undefined {
  for (const variable of [name, name.toUpperCase()]) {
    const value = env[variable]?.trim();
    if (value) return [variable, value];
  }
  return undefined;
}
