import { trustFrom } from '../http/local/ca-certificates.js';
import type { Registration } from '../registry/executor-registration.js';
import { type Channel, CloseCode } from '../rpc/channel.js';
import type { ExecServer } from '../server/exec-server.js';
import type { DialOptions } from '../transport/websocket-dial.js';
import { openControl } from './control-connection.js';
import { dialSigned } from './dial.js';

export type ConnectionEnd =
  /** `used`: a harness had come over it. */
  | { type: 'ended'; reason: string; lastedMs: number; used: boolean }
  /** The rendezvous asks for another connection before it ends this one. */
  | { type: 'moved'; reason: string };

/** A connection to a rendezvous. What is served over it belongs to the server. */
export interface CloudConnection {
  /** One harness at a time over the connection itself, or one further WebSocket for each. */
  readonly kind: 'single' | 'control';
  /** The first that happens. */
  readonly over: Promise<ConnectionEnd>;
  /** Is over now, and takes no more harnesses. Those that are there stay until they leave or the server closes. Idempotent. */
  leave(): void;
}

export interface OpenOptions extends Pick<DialOptions, 'signal' | 'keepAlive' | 'tls'> {
  name?: string | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
}

/** Rejects with DialError, CaCertificateError, or what a rendezvous has against our hello. */
export async function openConnection(
  server: ExecServer,
  { controlUrl, url }: Registration,
  options: Omit<OpenOptions, 'tls'>,
): Promise<CloudConnection> {
  // What the registration trusted. Once for all that are dialled because of this one: it takes tens of milliseconds.
  const secureContext = url.startsWith('wss:') ? trustFrom(process.env) : undefined;
  const trusting = secureContext ? { ...options, tls: { secureContext } } : options;
  return controlUrl === undefined ? openSingle(server, url, trusting) : openControl(server, controlUrl, trusting);
}

/** The dialled WebSocket is served as it is; a harness comes to its other end some day. */
async function openSingle(server: ExecServer, url: string, options: OpenOptions): Promise<CloudConnection> {
  const channel: Channel = await dialSigned(url, options);
  const openedAt = performance.now();
  let used = false;
  let end: (reason: string) => void = () => undefined;
  const over = new Promise<ConnectionEnd>((resolve) => {
    end = (reason) => resolve({ type: 'ended', reason, lastedMs: performance.now() - openedAt, used });
  });
  server.serve(channel, ({ reason }) => end(reason), {
    waitsForClient: true,
    onInitialized() {
      used = true;
    },
  });
  const leave = () => {
    if (!used) channel.close(CloseCode.goingAway, 'the executor leaves');
    end('the executor leaves');
  };
  return { kind: 'single', over, leave };
}
