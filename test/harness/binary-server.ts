import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { atEnd } from './cleanup.js';
import { within } from './until.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Starting Node and loading everything takes 0.3 s on an idle machine; a busy one may need much longer. */
const START_TIMEOUT_MS = 15_000;

export interface BinaryServer {
  /** What it printed as its URL; `stdio` with `--listen stdio`, which prints none. */
  readonly url: string;
  readonly pid: number;
  readonly child: ChildProcessWithoutNullStreams;
  stdout(): string;
  stderr(): string;
  kill(signal?: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Runs `exec-server serve …` from `dist/` (built by `npm test`), and waits for its URL line. Killed with the test. */
export async function startBinary(
  args: readonly string[] = [],
  { env = {} }: { env?: NodeJS.ProcessEnv } = {},
): Promise<BinaryServer> {
  const child = spawn(process.execPath, [MAIN, 'serve', ...args], { env: { ...process.env, ...env } });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${process.execPath}`);
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  atEnd(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const stdio = args.some((arg) => /^(--listen=)?stdio(:\/\/)?$/.test(arg));
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('utf8');
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined); // it has ended, which `exited` tells
  const urlLine = new Promise<string>((resolve) => {
    if (stdio) return resolve('stdio');
    child.stdout.on('data', (chunk: Buffer) => {
      stdout.push(chunk);
      const [line, rest] = text(stdout).split('\n', 2);
      if (line !== undefined && rest !== undefined) resolve(line);
    });
  });
  const failed = exited.then(({ code, signal }) => {
    throw new Error(`exec-server ended with ${code ?? signal} before it printed its URL: ${text(stderr)}`);
  });
  const url = await within(Promise.race([urlLine, failed]), START_TIMEOUT_MS, 'the URL line on stdout');
  return {
    url,
    pid,
    child,
    stdout: () => text(stdout),
    stderr: () => text(stderr),
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    exited,
  };
}
