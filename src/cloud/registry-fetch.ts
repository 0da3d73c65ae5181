import { LocalHttpClient } from '../http/local/local-http-client.js';

/**
 * A fetch that sends the headers it is given and no others, as the real executors do: Node's adds five of its own. Follows no
 * redirect. Proxies and extra certificates of the environment are used for https; cleartext, which is for loopback, goes
 * through no proxy.
 */
export const registryFetch: typeof fetch = async (input, { method = 'GET', headers, body, signal } = {}) => {
  const url = String(input);
  const http = new LocalHttpClient(url.startsWith('http://') ? { env: {} } : {});
  try {
    const answer = await http.request(
      {
        method,
        url,
        headers: Object.entries(headers ?? {}).map(([name, value]) => ({ name, value: String(value) })),
        ...(typeof body === 'string' && { body: Buffer.from(body) }),
        redirectPolicy: 'stop',
      },
      { signal: signal ?? undefined },
    );
    // A Response refuses a body where there may be none.
    return new Response(answer.body.length > 0 ? answer.body : null, {
      status: answer.status,
      headers: answer.headers.map((header) => [header.name, header.value] as [string, string]),
    });
  } finally {
    await http.close();
  }
};
