import { randomUUID } from 'node:crypto';
import { WireError } from '../protocol/errors.js';
import type { ParamsInput } from '../protocol/methods.js';
import { ConnectionClosedError } from '../rpc/errors.js';
import type { CallOptions } from '../rpc/peer.js';
import { SessionLostError } from './errors.js';
import { unsupported } from './file-support.js';
import type { RemoteWatcher } from './remote-watcher.js';
import type { SessionLink } from './session-link.js';

/** Has a server watch something. Throws UnsupportedByServerError where it cannot. */
export async function watchRemotely(
  link: SessionLink,
  params: Omit<ParamsInput<'fs/watch'>, 'watchId'>,
  call: CallOptions,
): Promise<RemoteWatcher> {
  if (!link.traits.capabilities.has('fsWatch')) throw unsupported('watching files');
  const watchId = randomUUID();
  const watcher = link.watchers.register(watchId, () => unwatch(link, watchId));
  let timesSent = 0;
  try {
    await link.call('fs/watch', { watchId, ...params }, { ...call, onSent: () => void timesSent++ });
  } catch (error) {
    // The first of them has begun it, and its answer was lost with the connection: nobody else knows this id.
    if (timesSent > 1 && error instanceof WireError && error.kind === 'watch_exists') return watcher;
    // Given up, or cut: it may have begun all the same. The session ends it at the latest.
    watcher.close().catch(() => undefined);
    throw error;
  }
  return watcher;
}

async function unwatch(link: SessionLink, watchId: string): Promise<void> {
  try {
    await link.call('fs/unwatch', { watchId }, { cleanup: true });
  } catch (error) {
    // A session that is gone has ended its watches.
    if (!(error instanceof ConnectionClosedError || error instanceof SessionLostError)) throw error;
  }
}
