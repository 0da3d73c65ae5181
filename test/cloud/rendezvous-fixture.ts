import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { WebSocket } from 'ws';
import { type ConnectOptions, ExecServerClient } from '../../src/client/index.js';
import {
  type Registration,
  type RegistrationRequest,
  registerExecutor,
} from '../../src/registry/executor-registration.js';
import { connectHarness } from '../../src/registry/harness-connect.js';
import type { RegistryAccess } from '../../src/registry/request.js';
import {
  createRendezvous,
  issueToken,
  type RendezvousOptions,
  type RendezvousServer,
  SigningKeys,
  type TokenOptions,
} from '../../src/rendezvous/index.js';
import { dialWebSocket } from '../../src/transport/websocket-dial.js';
import { atEnd, CutProxy } from '../harness/index.js';

export interface LogLine {
  level: 'debug' | 'info' | 'warn';
  message: string;
  [field: string]: unknown;
}

/** A rendezvous of the test's own, and what it has logged. */
export interface TestRendezvous {
  server: RendezvousServer;
  /** The base URL of its registry. */
  url: string;
  keys: SigningKeys;
  log: LogLine[];
  /** A token of `role`, for one hour unless said otherwise. */
  token(options: Partial<TokenOptions> & Pick<TokenOptions, 'role'>): Promise<string>;
}

/** Listens on a free port of loopback; nobody is given time to come back, so who is unknown is. Ends with the test. */
export async function startRendezvous(options: Partial<RendezvousOptions> = {}): Promise<TestRendezvous> {
  const keys = options.keys ?? (await SigningKeys.generate());
  const log: LogLine[] = [];
  const line = (level: LogLine['level']) => (fields: object, message: string) => {
    log.push({ level, message, ...fields });
  };
  const server = await createRendezvous({
    returnGraceMs: 0,
    log: { debug: line('debug'), info: line('info'), warn: line('warn') },
    ...options,
    keys,
  });
  atEnd(() => server.close({ graceMs: 0 }));
  return {
    server,
    url: server.url,
    keys,
    log,
    token: ({ role, subject = `a-${role}`, environments = ['*'], expiresAtMs = Date.now() + 3_600_000 }) =>
      issueToken(keys, { role, subject, environments, expiresAtMs }),
  };
}

/** A rendezvous whose signed URLs lead through a network that misbehaves on command, and `url` as well. */
export async function startBehindProxy(
  options: Partial<RendezvousOptions> = {},
): Promise<{ rendezvous: TestRendezvous; proxy: CutProxy }> {
  const port = await freePort();
  const proxy = await CutProxy.listen(`ws://127.0.0.1:${port}`);
  const publicUrl = proxy.url.replace(/^ws/, 'http');
  const listen = `http://127.0.0.1:${port}`;
  const rendezvous = await startRendezvous({ ...options, listen, publicUrl });
  return { rendezvous: { ...rendezvous, url: publicUrl }, proxy };
}

/** A port of loopback that nobody has at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export function accessOf(url: string, token: string): RegistryAccess {
  return { baseUrl: url, headers: async () => ({ authorization: `Bearer ${token}` }) };
}

/** A client of the environment, by way of a rendezvous. Closed with the test. */
export async function connectThrough(
  access: RegistryAccess,
  environmentId: string,
  { harnessId, ...options }: ConnectOptions & { harnessId?: string } = {},
): Promise<ExecServerClient> {
  const client = await ExecServerClient.connect(
    {
      dial: async ({ signal, timeoutMs }) => {
        const { url } = await connectHarness(access, environmentId, { harnessId, signal });
        return dialWebSocket(url, { signal, timeoutMs });
      },
    },
    options,
  );
  atEnd(() => client.close());
  return client;
}

/** A WebSocket with nothing behind it, open. Cut with the test. */
export async function dialRaw(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 0 });
  atEnd(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

/** Registers as the real ones do. Its signed URLs. */
export function registerRaw(
  rendezvous: TestRendezvous,
  token: string,
  environmentId: string,
  { idempotencyId = 'run-1', ...request }: Partial<RegistrationRequest> = {},
): Promise<Registration> {
  return registerExecutor(accessOf(rendezvous.url, token), { environmentId, idempotencyId, ...request });
}

/** An executor with one WebSocket, and the harness that has it: both ends of a relay. */
export async function rawPair(rendezvous: TestRendezvous): Promise<{ executor: WebSocket; harness: WebSocket }> {
  const { url } = await registerRaw(rendezvous, await rendezvous.token({ role: 'executor' }), 'raw');
  const executor = await dialRaw(url);
  const access = accessOf(rendezvous.url, await rendezvous.token({ role: 'harness' }));
  const harness = await dialRaw((await connectHarness(access, 'raw')).url);
  return { executor, harness };
}
