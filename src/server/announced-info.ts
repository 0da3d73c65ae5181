import { type EnvironmentInfo, type ExtensionCapability, extensionCapabilities } from '../protocol/session-methods.js';
import type { TcpConnector } from '../tcp/types.js';
import type { ServerServices } from './handlers.js';

/** What the newest real server announces too, and this one can do with any files that it is handed. */
const WITH_FILES = { fsWatchMissing: true, environmentConfigRead: true };

/** The same with any HTTP client. */
const WITH_HTTP = { httpHeaderEnvVars: true };

type AnnouncedInfo = EnvironmentInfo & { capabilities: Record<string, unknown> };

/**
 * What the backend says of its place, with the capabilities that hold here: those of ours that the backend has too. A
 * backend that is another server announces methods that this one does not serve.
 */
export async function announcedInfo({ processes, files, http, tcp, sessions }: ServerServices): Promise<AnnouncedInfo> {
  const [info, withTcp] = await Promise.all([processes.environmentInfo(), tcp ? isSupported(tcp) : false]);
  const served = (name: string) => {
    // An HTTP client has no extensions: what is served of it is this server's own doing.
    if (name.startsWith('http')) return http !== undefined;
    if (name.startsWith('tcp')) return withTcp;
    return info.capabilities?.[name] === true && (files !== undefined || !name.startsWith('fs'));
  };
  const names = (Object.keys(extensionCapabilities) as ExtensionCapability[]).filter(served);
  const ours = Object.fromEntries(names.map((name) => [name, true]));
  const capabilities = {
    ...ours,
    ...(files ? WITH_FILES : {}),
    ...(http ? WITH_HTTP : {}),
    sessionTtlMs: sessions.ttlMs,
  };
  return { ...info, capabilities };
}

/** The server behind this one may not have it. */
function isSupported(tcp: TcpConnector): Promise<boolean> {
  return tcp.ensureSupported().then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'unsupported') return false;
      throw error;
    },
  );
}
