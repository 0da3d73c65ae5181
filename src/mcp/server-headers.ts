import type { HttpClient, HttpRequest, HttpRequestHeader } from '../http/types.js';

/**
 * Adds headers to the requests to one URL, unless they have them already. Not to others: an authorisation server, or
 * wherever a redirect leads, is not meant to see them.
 */
export function withServerHeaders(http: HttpClient, url: URL, headers: readonly HttpRequestHeader[]): HttpClient {
  const endpoint = url.origin + url.pathname;
  const complete = (request: HttpRequest): HttpRequest => {
    const { origin, pathname } = new URL(request.url);
    if (origin + pathname !== endpoint) return request;
    const given = new Set(request.headers?.map(({ name }) => name.toLowerCase()));
    const added = headers.filter(({ name }) => !given.has(name.toLowerCase()));
    return { ...request, headers: [...(request.headers ?? []), ...added] };
  };
  return {
    request: (request, options) => http.request(complete(request), options),
    stream: (request, options) => http.stream(complete(request), options),
    close: () => http.close(),
  };
}
