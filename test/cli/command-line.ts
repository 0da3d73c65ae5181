import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { atEnd, until, within } from '../harness/index.js';

/** What `npm run build` has made of the command. */
export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Longer than any command of a test takes on a busy machine. */
const END_TIMEOUT_MS = 60_000;

export interface CommandLine {
  readonly child: ChildProcessWithoutNullStreams;
  stdout(): string;
  stderr(): string;
  /** Resolves when stdout holds this text. */
  says(text: string): Promise<void>;
  /** Resolves when it has ended and its output has been read. */
  ended(): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** Runs `exec-server …` with pipes for its stdin, stdout and stderr. Killed with the test. */
export function execServer(args: readonly string[], { env = {} }: { env?: NodeJS.ProcessEnv } = {}): CommandLine {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } });
  const closed = once(child, 'close');
  atEnd(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('utf8');
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined); // it has ended, which `ended` tells
  return {
    child,
    stdout: () => text(stdout),
    stderr: () => text(stderr),
    says: async (expected) => {
      const what = `\`${expected}\` on stdout`;
      await until(() => text(stdout).includes(expected), { timeoutMs: 20_000, what });
    },
    ended: async () => {
      await within(closed, END_TIMEOUT_MS, `the end of \`exec-server ${args.join(' ')}\``);
      return { code: child.exitCode, stdout: text(stdout), stderr: text(stderr) };
    },
  };
}

/** The lines `1` to `count`. */
export function numbers(count: number): string {
  return Array.from({ length: count }, (_, i) => `${i + 1}\n`).join('');
}
