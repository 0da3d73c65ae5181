import type { RegistrationContract } from '../registry/executor-registration.js';
import type { ServerLog } from '../server/exec-server.js';

/** What happens between an executor and its registry. No secret, and no signed URL, is in it. */
export type CloudNews =
  | { type: 'registered'; registrationId: string; contract: RegistrationContract }
  /** Harnesses can reach it now: one at a time, or as many as come. */
  | { type: 'connected'; kind: 'single' | 'control' }
  /** The next dial follows after `waitMs`. */
  | { type: 'disconnected'; reason: string; waitMs: number }
  /** The rendezvous asked for a new connection; the old one stays until that is there. */
  | { type: 'moving'; reason: string }
  /** An attempt failed. The next one follows after `waitMs`. */
  | { type: 'retrying'; reason: string; next: 'register' | 'dial'; waitMs: number }
  /** Final. */
  | { type: 'failed'; reason: string };

const MESSAGES: Record<CloudNews['type'], string> = {
  registered: 'registered with the cloud',
  connected: 'connected to the cloud',
  disconnected: 'disconnected from the cloud',
  moving: 'moving to another connection to the cloud',
  retrying: 'not connected to the cloud, trying again',
  failed: 'gave up on the cloud',
};

/** One line per piece of news. */
export function logNews(log: ServerLog, environmentId: string, { type, ...fields }: CloudNews): void {
  const level = type === 'retrying' || type === 'failed' ? 'warn' : 'info';
  log[level]({ environmentId, ...fields }, MESSAGES[type]);
}
