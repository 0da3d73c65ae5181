import type { ResultOf } from '../protocol/methods.js';
import type { PathDialect } from '../protocol/paths.js';
import { type EnvironmentInfo, type ExtensionCapability, extensionCapabilities } from '../protocol/session-methods.js';

/** What a server can do, learnt from its answer to `initialize` and never configured. */
export interface ServerTraits {
  /** How it writes paths, and wants them written. */
  readonly dialect: PathDialect;
  /** The extensions that it announces. Nothing else of ours is sent to it. */
  readonly capabilities: ReadonlySet<ExtensionCapability>;
  /** It drops a repeated write with the same `writeId`, so a write can be sent again. */
  readonly dropsRepeatedWrites: boolean;
  /** It has `process/signal` with `interrupt` at least. */
  readonly interrupts: boolean;
  /** How long it keeps a session without a connection, when it says so. */
  readonly sessionTtlMs: number | undefined;
  readonly environmentInfo: EnvironmentInfo | undefined;
}

/**
 * 0.129 answers `initialize` with a session id alone; 0.169 adds `environmentInfo`, whose paths are `file:` URIs, and
 * came after `process/signal` and the dropping of repeated writes, so these need no sign of their own.
 */
export function readTraits({ environmentInfo }: ResultOf<'initialize'>): ServerTraits {
  const announced = environmentInfo?.capabilities ?? {};
  const names = Object.keys(extensionCapabilities) as ExtensionCapability[];
  const ttl = announced.sessionTtlMs;
  return {
    dialect: environmentInfo?.cwd?.startsWith('file:') ? 'uri' : 'plain',
    capabilities: new Set(names.filter((name) => announced[name] === true)),
    dropsRepeatedWrites: environmentInfo != null,
    interrupts: environmentInfo != null,
    sessionTtlMs: typeof ttl === 'number' && ttl > 0 ? ttl : undefined,
    environmentInfo: environmentInfo ?? undefined,
  };
}
