import { environmentId, labels } from '../registry/contract.js';
import { RegistryError } from '../registry/errors.js';
import type { RegistrationContract } from '../registry/executor-registration.js';
import { checkBaseUrl } from '../registry/request.js';
import type { ServerLog } from '../server/exec-server.js';
import type { DialOptions } from '../transport/websocket-dial.js';
import type { Credentials } from './credentials.js';
import { CloudOptionError } from './errors.js';
import type { CloudNews } from './news.js';

export interface CloudOptions {
  /** Of the registry: `https://…`, or `http://` to loopback. */
  baseUrl: string;
  /** What harnesses ask for: 1 to 128 ASCII letters, digits, `-`, `_` or `.`, no `.` first. */
  environmentId: string;
  credentials: Credentials;
  /** For people who look at a list. Default `exec-server`: the real executors are never without one either. */
  name?: string | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
  /** Default `auto`: 0.129.0's, and the newest where the registry does not know that. */
  contract?: RegistrationContract | 'auto' | undefined;
  keepAlive?: DialOptions['keepAlive'];
  /** Never given a secret. */
  log?: ServerLog | undefined;
  onNews?: ((news: CloudNews) => void) | undefined;
  /** For tests: what passes the time between two attempts, and what spreads them (0 to 1). */
  sleep?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
  random?: (() => number) | undefined;
}

export const DEFAULT_NAME = 'exec-server';

/** Throws CloudOptionError. */
export function checkCloudOptions(options: Pick<CloudOptions, 'baseUrl' | 'environmentId' | 'labels'>): void {
  const id = environmentId.safeParse(options.environmentId);
  if (!id.success) {
    const expected = id.error.issues[0]?.message;
    throw new CloudOptionError('environmentId', `${expected}; got \`${options.environmentId}\``);
  }
  const words = labels.safeParse(options.labels ?? {});
  if (!words.success) {
    throw new CloudOptionError('labels', 'expected names of 1 to 128 characters, and values of at most 256');
  }
  try {
    checkBaseUrl(options.baseUrl);
  } catch (error) {
    throw error instanceof RegistryError ? new CloudOptionError('baseUrl', error.message, { cause: error }) : error;
  }
}
