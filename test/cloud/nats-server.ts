import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { atEnd } from '../harness/cleanup.js';
import { scratchDirectory } from '../harness/scratch.js';
import { within } from '../harness/until.js';

/** Debian puts it where only root's PATH looks. */
const COMMAND = ['nats-server', '/usr/sbin/nats-server'].find(
  (command) => spawnSync(command, ['--version']).status === 0,
);

/** Why tests that need it cannot run here; undefined: they can. */
export const natsServerMissing = COMMAND === undefined ? 'nats-server is not installed' : undefined;

/** A nats-server with JetStream on loopback. Ends, with its data, when the test does. */
export class NatsServer {
  /** The one that it took at first. */
  #port: number | undefined;
  readonly #args: readonly string[];
  readonly #directory: string;
  #child: ChildProcess | undefined;

  private constructor(args: readonly string[]) {
    this.#args = args;
    this.#directory = scratchDirectory();
    atEnd(() => this.kill());
  }

  static async start(args?: readonly string[]): Promise<NatsServer> {
    const server = new NatsServer(args ?? ['-js']);
    await server.startAgain();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  /** On the same port, after `kill`. */
  async startAgain({ keepingData = true }: { keepingData?: boolean } = {}): Promise<void> {
    const storage = join(this.#directory, 'storage');
    if (!keepingData) rmSync(storage, { recursive: true, force: true });
    const place = ['-a', '127.0.0.1', '-p', String(this.#port ?? -1), '-sd', storage];
    const child = spawn(COMMAND ?? 'nats-server', [...place, ...this.#args], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let said = '';
    const ready = new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk;
        if (said.includes('Server is ready')) resolve();
      });
      child.once('exit', () => reject(new Error(`nats-server ended: ${said}`)));
      child.once('error', reject);
    });
    await within(ready, 15_000, 'nats-server being ready');
    this.#port = Number(/client connections on 127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
}
