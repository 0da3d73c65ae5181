import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ListedEnvironment } from '../../src/registry/contract.js';
import { listEnvironments } from '../../src/registry/harness-list.js';
import { type Role, SigningKeys } from '../../src/rendezvous/index.js';
import { createKeyFile } from '../../src/rendezvous/signing-keys.js';
import { issueToken } from '../../src/rendezvous/tokens.js';
import { type CommandLine, execServer } from '../cli/command-line.js';
import { atEnd, CutProxy, scratchDirectory, until } from '../harness/index.js';
import { freePort } from './rendezvous-fixture.js';

/** Real processes: a rendezvous, executors, commands of a user; and a network that can be cut on either side of the rendezvous. */
export class Cloud {
  readonly home = scratchDirectory();
  readonly #port: number;
  /** All that executors send goes through this. */
  readonly executorNet: CutProxy;
  /** All that harnesses send goes through this. */
  readonly harnessNet: CutProxy;
  /** The base URL that harnesses know. */
  readonly harnessUrl: string;
  rendezvous!: CommandLine;
  /** Everything that was started, for what they have said. */
  readonly started: CommandLine[] = [];
  /** Every token that was issued. */
  readonly tokens: string[] = [];

  private constructor(port: number, executorNet: CutProxy, harnessNet: CutProxy, harnessUrl: string) {
    this.#port = port;
    this.executorNet = executorNet;
    this.harnessNet = harnessNet;
    this.harnessUrl = harnessUrl;
  }

  static async open(): Promise<Cloud> {
    const port = await freePort();
    const executorNet = await CutProxy.listen(`ws://127.0.0.1:${port}`);
    const harnessNet = await CutProxy.listen(`ws://127.0.0.1:${port}`);
    const cloud = new Cloud(port, executorNet, harnessNet, await forward(harnessNet, executorNet));
    mkdirSync(join(cloud.home, 'keys'));
    await cloud.replaceKeys();
    await cloud.startRendezvous();
    return cloud;
  }

  /** Signs with other keys from the next start on, and puts tokens of them where executors and harnesses read theirs. */
  async replaceKeys(): Promise<void> {
    this.#keyFile = join(this.home, 'keys', String(this.tokens.length));
    createKeyFile(this.#keyFile);
    writeFileSync(this.executorTokenFile, `${await this.token('executor')}\n`);
    writeFileSync(this.harnessTokenFile, `${await this.token('harness')}\n`);
  }
  #keyFile = '';

  get executorTokenFile(): string {
    return join(this.home, 'executor-token');
  }

  get harnessTokenFile(): string {
    return join(this.home, 'harness-token');
  }

  harnessToken(): string {
    return readFileSync(this.harnessTokenFile, 'utf8');
  }

  setHarnessToken(token: string): void {
    writeFileSync(this.harnessTokenFile, token);
  }

  /** A new token, of the keys of now. */
  async token(role: Role, environments: readonly string[] = ['*']): Promise<string> {
    const keys = await SigningKeys.load(this.#keyFile);
    const expiresAtMs = Date.now() + 3_600_000;
    const token = await issueToken(keys, { role, subject: `the-${role}`, environments, expiresAtMs });
    this.tokens.push(token);
    return token;
  }

  /** On the port of the one before. */
  async startRendezvous(): Promise<void> {
    const listen = `http://127.0.0.1:${this.#port}`;
    const url = httpUrl(this.executorNet);
    const args = ['--listen', listen, '--public-url', url, '--key-file', this.#keyFile, '--log-level', 'debug'];
    this.rendezvous = this.#start(['rendezvous', ...args]);
    await this.rendezvous.says(listen);
  }

  async killRendezvous(): Promise<void> {
    this.rendezvous.child.kill('SIGKILL');
    await this.rendezvous.ended();
  }

  /** `exec-server serve --cloud`; resolves when the registry calls it online. */
  async startExecutor(id: string, ...args: string[]): Promise<CommandLine> {
    const cloud = ['--cloud', '--cloud-base-url', httpUrl(this.executorNet), '--cloud-environment-id', id];
    const token = ['--registration-bearer-file', this.executorTokenFile];
    const executor = this.#start(['serve', ...cloud, ...token, '--log-level', 'debug', ...args]);
    await this.status(id, 'online');
    return executor;
  }

  /** A command of the user: `exec-server NAME --registry … --env …`. */
  command(name: string, id: string, ...args: string[]): CommandLine {
    return this.#start([name, ...this.where(id), ...args]);
  }

  where(id: string): string[] {
    return ['--registry', this.harnessUrl, '--env', id, '--registry-token-file', this.harnessTokenFile];
  }

  /** `exec-server …` as it is, to its end. */
  run(...args: string[]): ReturnType<CommandLine['ended']> {
    return this.#start(args).ended();
  }

  /** Resolves when the registry says so. */
  async status(id: string, status: ListedEnvironment['status']): Promise<void> {
    const access = {
      baseUrl: `http://127.0.0.1:${this.#port}`,
      headers: async () => ({ authorization: `Bearer ${await this.token('operator')}` }),
    };
    const isSo = async () => {
      const all = await listEnvironments(access);
      return all.some((listed) => listed.environment_id === id && listed.status === status);
    };
    await until(isSo, { timeoutMs: 15_000, what: `environment ${id} being ${status}` });
  }

  /** All that was said by anything that was started. */
  said(): string {
    return this.started.map((command) => command.stdout() + command.stderr()).join('\n');
  }

  #start(args: readonly string[]): CommandLine {
    const env = { XDG_STATE_HOME: this.home, CODEX_HOME: this.home, EXEC_SERVER_REGISTRY: '' };
    const command = execServer(args, { env });
    this.started.push(command);
    return command;
  }
}

export function httpUrl(proxy: CutProxy): string {
  return proxy.url.replace('ws', 'http');
}

/** `lines` numbered lines in 40 steps over two seconds, and exit code 9. */
export function countingScript(lines: number): string {
  const step = lines / 40;
  return `i=1; while [ $i -le 40 ]; do seq $((i * ${step} - ${step - 1})) $((i * ${step})); i=$((i + 1)); sleep 0.05; done; exit 9`;
}

/** The registry as harnesses see it: behind their own network, as are the WebSockets that it names. */
async function forward(to: CutProxy, namedAs: CutProxy): Promise<string> {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method = 'GET', url = '/', headers } = request;
    const { authorization = '', 'content-type': type = '' } = headers;
    const answered = await fetch(`${httpUrl(to)}${url}`, {
      method,
      headers: { authorization, 'content-type': type, connection: 'close' },
      ...(method === 'POST' && { body: Buffer.concat(chunks) }),
    });
    const text = (await answered.text()).replaceAll(namedAs.url, to.url);
    const retryAfter = answered.headers.get('retry-after');
    response.writeHead(answered.status, retryAfter === null ? {} : { 'retry-after': retryAfter }).end(text);
  };
  const server = createServer((request, response) => {
    // A registry that cannot be reached closes the connection.
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
