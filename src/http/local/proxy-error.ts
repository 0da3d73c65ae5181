/** The proxy, not the origin, is what failed. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code = 'proxy_failed';
}
