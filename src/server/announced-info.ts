import type { ExecBackend } from '../process/types.js';
import { type EnvironmentInfo, extensionCapabilities } from '../protocol/session-methods.js';

type AnnouncedInfo = EnvironmentInfo & { capabilities: Record<string, unknown> };

/**
 * What the backend says of its place, with the capabilities that hold here: those of ours that the backend has too. A
 * backend that is another server announces methods that this one does not serve.
 */
export async function announcedInfo(processes: ExecBackend, sessionTtlMs: number): Promise<AnnouncedInfo> {
  const info = await processes.environmentInfo();
  const served = Object.keys(extensionCapabilities).filter((name) => info.capabilities?.[name] === true);
  const capabilities = { ...Object.fromEntries(served.map((name) => [name, true])), sessionTtlMs };
  return { ...info, capabilities };
}
