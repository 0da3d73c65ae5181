import { FetchDispatcher } from './fetch-dispatcher.js';
import type { HttpClient } from './types.js';

export type Fetch = typeof globalThis.fetch;

// Taken now: who puts ours in the place of the global one must not end in a circle.
const nodeFetch = globalThis.fetch;

/**
 * A WHATWG `fetch` whose requests start where `httpClient` makes them. It is Node's own, down to its Request, Response and
 * Headers, with the network taken from under it: redirects, decompression, aborts and errors are what Node does.
 * As there, a failed request rejects with a TypeError, here with the WireError as its `cause`. The `dispatcher` option,
 * by which Node's is told how to reach the network, has no effect.
 */
export function createFetch(httpClient: HttpClient): Fetch {
  const dispatcher = new FetchDispatcher(httpClient);
  // The types of the option ask for an undici Dispatcher; Node asks only for `dispatch`.
  const network = { dispatcher } as unknown as RequestInit;
  return (input, init) => nodeFetch(input, { ...init, ...network });
}
