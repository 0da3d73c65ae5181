import { readRefusal } from '../registry/request.js';
import type { Channel } from '../rpc/channel.js';
import { type DialOptions, dialWebSocket } from '../transport/websocket-dial.js';

/**
 * Dials a signed URL, with a bare handshake as real executors do. Throws DialError. Messages show no more of the URL than
 * the host, and of a refusal no more than its code: the rest may quote the URL.
 */
export function dialSigned(url: string, options: Pick<DialOptions, 'signal' | 'keepAlive' | 'tls'>): Promise<Channel> {
  return dialWebSocket(url, {
    ...options,
    shownAs: new URL(url).host,
    describeRefusal: (body) => readRefusal(body).code ?? 'without a code',
  });
}
