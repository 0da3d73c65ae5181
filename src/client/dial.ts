import type { Channel } from '../rpc/channel.js';
import { DialError } from '../transport/dial-error.js';
import { type ProgramOptions, spawnProgram } from '../transport/spawned-program.js';
import type { WebSocketChannelOptions } from '../transport/websocket-channel.js';
import type { DialOptions } from '../transport/websocket-dial.js';
import { forThisDial, type PerDial } from './per-dial.js';
import { RegistryDialer, type RegistryTarget } from './registry-dialer.js';

/** A server that listens. */
export interface UrlTarget {
  /** `ws://…`, `wss://…` or `unix:///path`. */
  url: string;
  /** Sent with the upgrade request. Never logged. */
  headers?: PerDial<Readonly<Record<string, string>>> | undefined;
  /** Sent as `authorization: Bearer …`. Never logged. */
  bearerToken?: PerDial<string> | undefined;
  /** For `node:tls`: `ca`, `cert`, `key`, `rejectUnauthorized`. */
  tls?: Readonly<Record<string, unknown>> | undefined;
  keepAlive?: Pick<WebSocketChannelOptions, 'pingIntervalMs' | 'deadAfterMs'> | undefined;
}

/** A program to start that speaks the protocol on its stdin and stdout. Its death ends the connection for good. */
export type ProgramTarget = ProgramOptions;

/** Any other way to a server, such as a relay. */
export interface ChannelTarget {
  /** Opens a new channel. Throws DialError when that fails. */
  dial(options: DialLimits): Promise<Channel>;
  /** Does a later dial reach the same server, so that a session can be resumed? Default true. */
  resumable?: boolean | undefined;
}

export type ConnectTarget = UrlTarget | ProgramTarget | RegistryTarget | ChannelTarget;

export interface DialLimits {
  timeoutMs: number;
  signal: AbortSignal;
}

/** One way to a server, to be gone as often as needed. */
export interface Dialer {
  readonly resumable: boolean;
  dial(limits: DialLimits): Promise<Channel>;
}

export function dialerFor(target: ConnectTarget): Dialer {
  if ('dial' in target) return { resumable: target.resumable ?? true, dial: (limits) => target.dial(limits) };
  if ('program' in target) return { resumable: false, dial: (limits) => spawnUnlessCancelled(target, limits) };
  if ('registry' in target) return new RegistryDialer(target);
  return { resumable: true, dial: (limits) => dialUrl(target, limits) };
}

async function dialUrl(target: UrlTarget, { timeoutMs, signal }: DialLimits): Promise<Channel> {
  const token = await forThisDial(target.bearerToken);
  const headers = { ...(await forThisDial(target.headers)) };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const options: DialOptions = { headers, timeoutMs, signal, keepAlive: target.keepAlive };
  if (target.tls) options.tls = { ...target.tls };
  // Loaded when it is needed: the library costs half of what importing this client costs, and brings a native part.
  const { dialWebSocket } = await import('../transport/websocket-dial.js');
  return dialWebSocket(target.url, options);
}

async function spawnUnlessCancelled(target: ProgramTarget, { signal }: DialLimits): Promise<Channel> {
  if (signal.aborted) throw new DialError(`starting \`${target.program}\` was cancelled`, { cause: signal.reason });
  return spawnProgram(target);
}
