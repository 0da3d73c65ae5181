import { readFile } from 'node:fs/promises';
import { type ConnectionOptions, connect, credsAuthenticator, ErrorCode, type NatsConnection, NatsError } from 'nats';
import {
  CONNECT_TIMEOUT_MS,
  MAX_UNANSWERED_PINGS,
  PING_INTERVAL_MS,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
} from './limits.js';

export interface NatsAddress {
  /** `nats://` or `tls://[USER[:PASSWORD]@]HOST[:PORT]`, several with commas between; a user without a password is a token. */
  url: string;
  /** A `.creds` file of NATS (JWT and nkey seed). */
  credentialsFile?: string | undefined;
}

/** NATS cannot be had as it was asked for. Never quotes a credential. */
export class NatsSetupError extends Error {
  override readonly name = 'NatsSetupError';
}

/** Connects, or says why not; from then on a lost connection is made again for ever. */
export async function openNats(address: NatsAddress): Promise<NatsConnection> {
  const { servers, ...options } = await optionsOf(address);
  try {
    return await connect({
      ...options,
      servers,
      name: 'exec-server rendezvous',
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: MAX_UNANSWERED_PINGS,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => RECONNECT_MIN_MS + Math.random() * (RECONNECT_MAX_MS - RECONNECT_MIN_MS),
      // A refusal while NATS restarts with new users is no reason to give up.
      ignoreAuthErrorAbort: true,
    });
  } catch (error) {
    throw new NatsSetupError(`cannot connect to NATS at ${servers.join(', ')}: ${reasonOf(error)}`, { cause: error });
  }
}

type Options = Pick<ConnectionOptions, 'user' | 'pass' | 'token' | 'tls' | 'authenticator'> & { servers: string[] };

async function optionsOf({ url, credentialsFile }: NatsAddress): Promise<Options> {
  const urls = url.split(',').map((text) => parseNatsUrl(text.trim()));
  const [first] = urls;
  if (!first) throw new NatsSetupError('expected the URL of a NATS server');
  const user = decodeURIComponent(first.username);
  const pass = decodeURIComponent(first.password);
  return {
    servers: urls.map(({ host }) => host),
    ...(user && pass ? { user, pass } : user && { token: user }),
    ...(credentialsFile !== undefined && { authenticator: credsAuthenticator(await readFile(credentialsFile)) }),
    // Demanded of the server then: what travels would be readable, credentials first.
    ...(urls.some(needsTls) && { tls: {} }),
  };
}

function parseNatsUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || (url.protocol !== 'nats:' && url.protocol !== 'tls:')) {
    throw new NatsSetupError('the URL of the NATS server: expected nats://HOST[:PORT] or tls://HOST[:PORT]');
  }
  return url;
}

function needsTls({ protocol, hostname }: URL): boolean {
  return (
    protocol === 'tls:' || !(hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname))
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof NatsError)) return error instanceof Error ? error.message : String(error);
  switch (error.code) {
    case ErrorCode.ConnectionRefused:
      return 'nobody listens there';
    case ErrorCode.Timeout:
      return `no answer within ${CONNECT_TIMEOUT_MS} ms`;
    case ErrorCode.AuthorizationViolation:
      return 'it refuses the credentials, or wants some (in the URL, or a credentials file)';
    case ErrorCode.ServerOptionNotAvailable:
      return 'it speaks no TLS, which is demanded of every NATS server beyond loopback';
    default:
      return error.message;
  }
}
