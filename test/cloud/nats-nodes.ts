import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { bearerToken, serveCloud } from '../../src/cloud/index.js';
import { listEnvironments } from '../../src/registry/harness-list.js';
import type { RegistryAccess } from '../../src/registry/request.js';
import { type Role, SigningKeys } from '../../src/rendezvous/index.js';
import { createKeyFile } from '../../src/rendezvous/signing-keys.js';
import { issueToken } from '../../src/rendezvous/tokens.js';
import { type CommandLine, execServer } from '../cli/command-line.js';
import { atEnd, scratchDirectory, startInProcess, until } from '../harness/index.js';
import { NatsServer } from './nats-server.js';
import { accessOf, freePort } from './rendezvous-fixture.js';

/** One `exec-server rendezvous --nats …`, on the same port each time. */
export class RendezvousNode {
  readonly port: number;
  readonly #args: readonly string[];
  #command: CommandLine | undefined;

  constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = args;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#command?.child.pid ?? 0;
  }

  /** What it has logged. */
  log(): string {
    return this.#command?.stderr() ?? '';
  }

  async start(): Promise<void> {
    this.#command = execServer(['rendezvous', '--listen', this.url, ...this.#args]);
    await this.#command.says(this.url);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#command?.child.kill(signal);
    await this.#command?.ended();
  }
}

/** Two nodes, their NATS server, and the load balancer in front of them: what is dialled by executors goes to the first. */
export class TwoNodes {
  readonly nats: NatsServer;
  readonly ofExecutor: RendezvousNode;
  readonly ofHarness: RendezvousNode;
  /** What executors and harnesses know. */
  readonly url: string;
  readonly #keys: SigningKeys;

  private constructor(nats: NatsServer, nodes: [RendezvousNode, RendezvousNode], url: string, keys: SigningKeys) {
    this.nats = nats;
    [this.ofExecutor, this.ofHarness] = nodes;
    this.url = url;
    this.#keys = keys;
  }

  static async start(): Promise<TwoNodes> {
    const nats = await NatsServer.start();
    const keyFile = join(scratchDirectory(), 'keys');
    createKeyFile(keyFile);
    const ports = [await freePort(), await freePort()] as const;
    const url = await balance((path) => (path.startsWith('/rendezvous/harness') ? [ports[1], ports[0]] : ports));
    const args = [
      '--key-file',
      keyFile,
      '--nats',
      nats.url,
      '--public-url',
      url,
      '--drain',
      '0',
      '--log-level',
      'debug',
    ];
    const nodes: [RendezvousNode, RendezvousNode] = [
      new RendezvousNode(ports[0], args),
      new RendezvousNode(ports[1], args),
    ];
    await Promise.all(nodes.map((node) => node.start()));
    return new TwoNodes(nats, nodes, url, await SigningKeys.load(keyFile));
  }

  async access(role: Role, url = this.url): Promise<RegistryAccess> {
    return accessOf(url, await this.#token(role));
  }

  /** Our executor, in this process; resolves when it is online. Ends with the test. */
  async startExecutor(environmentId: string): Promise<void> {
    const { server } = await startInProcess({ listen: [] });
    const credentials = bearerToken(await this.#token('executor'), 'the test');
    const serving = serveCloud(server, { baseUrl: this.url, environmentId, credentials });
    atEnd(() => serving.close());
    await this.online(environmentId);
  }

  /** Resolves when the environment is online, as `node` sees it. */
  async online(environmentId: string, node = this.ofHarness): Promise<void> {
    const access = await this.access('operator', node.url);
    const isOnline = async () => {
      const listed = await listEnvironments(access).catch(() => []); // a node that comes back is asked again
      return listed.some((one) => one.environment_id === environmentId && one.status === 'online');
    };
    await until(isOnline, { timeoutMs: 20_000, what: `${environmentId} being online` });
  }

  async #token(role: Role): Promise<string> {
    return issueToken(this.#keys, {
      role,
      subject: `the-${role}`,
      environments: ['*'],
      expiresAtMs: Date.now() + 3_600_000,
    });
  }
}

/**
 * A load balancer: passes each connection on to the first of the ports, by the path of its first request, that takes it.
 * Ends with the test.
 */
async function balance(portsFor: (path: string) => readonly number[]): Promise<string> {
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (client) => {
    sockets.add(client);
    client.once('close', () => sockets.delete(client)).on('error', () => undefined); // `close` follows
    client.once('data', (head: Buffer) => {
      client.pause();
      const [, path = ''] = String(head).split(' ', 2);
      void passOn(client, head, portsFor(path));
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  atEnd(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

async function passOn(client: Socket, head: Buffer, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const node = connect({ port, host: '127.0.0.1', noDelay: true });
    const connected = await once(node, 'connect').catch(() => undefined); // the next one, then
    if (!connected) continue;
    node.on('error', () => undefined); // `close` follows
    node.once('close', () => client.destroy());
    client.once('close', () => node.destroy());
    if (client.destroyed) node.destroy();
    node.write(head);
    node.pipe(client);
    client.pipe(node);
    return;
  }
  client.destroy();
}
