import type { Fetch } from '../http/fetch.js';

/**
 * A fetch whose event streams are read no further until `whenReady` resolves: the SDK's transport hands on whatever comes,
 * however far behind its receiver is.
 */
export function pacedFetch(fetch: Fetch, whenReady: () => Promise<void> | undefined): Fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    if (!response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) return response;
    const gate = new TransformStream<Uint8Array, Uint8Array>({
      async transform(chunk, controller) {
        await whenReady();
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(gate), response);
  };
}
