import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { deferred, within } from './deadline.mjs';
import { createLeftovers } from './leftovers.mjs';
import { peerBinary } from './peers.mjs';

export const OURS = 'ours';
const REPO_ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const OUR_ENTRY = path.join('dist', 'cli', 'main.js');
const LISTEN = ['--listen', 'ws://127.0.0.1:0'];

// A cold start from a slow disk; the URL is normally there within 200 ms.
const URL_MS = 20_000;
// After SIGKILL only a process stuck in the kernel stays.
const EXIT_MS = 5_000;
// A crash takes milliseconds to end a process; only failures wait for it.
const LAST_BREATH_MS = 300;
// Enough to see why a server ended.
const OUTPUT_TAIL = 2_000;

/** How to start the server of that name: `{name, file, args}`. Installs a peer when it is missing. */
export async function resolveServer(name, { serverCommand, log }) {
  if (name !== OURS) return { name, file: await peerBinary(name, log), args: ['exec-server', ...LISTEN] };
  // `exec` replaces the shell, so that the pid whose memory we read is the server's.
  if (serverCommand) return { name, file: '/bin/sh', args: ['-c', `exec ${serverCommand}`] };
  if (!fs.existsSync(path.join(REPO_ROOT, OUR_ENTRY))) {
    throw new Error(`${OUR_ENTRY} is missing: run \`npm run build\` first, or give --server-cmd`);
  }
  return { name, file: process.execPath, args: [OUR_ENTRY, 'serve', ...LISTEN] };
}

function throwawayEnvironment(leftovers) {
  // The peers refuse a CODEX_HOME below TMPDIR, hence two folders side by side.
  const home = path.join(leftovers.folder, 'home');
  const tmp = path.join(leftovers.folder, 'tmp');
  fs.mkdirSync(home);
  fs.mkdirSync(tmp);
  return { ...process.env, CODEX_HOME: home, TMPDIR: tmp, ...leftovers.mark };
}

/** A running server in its own process group. `stop()` kills it and all that it started. */
export class RunningServer {
  #stderr = '';

  static async start(plan) {
    const server = new RunningServer(plan);
    try {
      server.url = await within(server.#announcedUrl(), `${plan.name} printing its URL`, URL_MS);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  constructor(plan) {
    this.leftovers = createLeftovers();
    this.child = spawn(plan.file, plan.args, {
      cwd: REPO_ROOT,
      detached: true,
      env: throwawayEnvironment(this.leftovers),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.leftovers.processGroup = this.child.pid;
  }

  /** What every process started through this server must carry in its environment. */
  get childMark() {
    return this.leftovers.mark;
  }

  /** Resident memory of the server itself: now, and the highest since it started. */
  memory() {
    const status = fs.readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    const mebibytes = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
    return { nowMib: mebibytes('VmRSS'), peakMib: mebibytes('VmHWM') };
  }

  /** A dying server's sockets close before it is gone. Killed in between, it could not say why it ended. */
  async mayEnd() {
    if (!this.#isRunning()) return;
    const stopWaiting = AbortSignal.timeout(LAST_BREATH_MS);
    try {
      await once(this.child, 'exit', { signal: stopWaiting });
    } catch (error) {
      // It lives; stop() will end it.
      if (error.name !== 'AbortError') throw error;
    }
  }

  /** After stop(): how the server ended, if it did so before it was killed. */
  lastWords() {
    const { exitCode, signalCode } = this.child;
    if (signalCode === 'SIGKILL') return undefined;
    const stderr = this.#stderr.trim() || 'nothing on stderr';
    return `the server had ended by itself (${signalCode ?? exitCode}): ${stderr}`;
  }

  async stop() {
    const { child, leftovers } = this;
    const running = this.#isRunning();
    const exited = running ? once(child, 'exit') : Promise.resolve();
    // A dead leader's group id may already belong to somebody else; what it left behind carries the mark.
    if (!running) leftovers.processGroup = undefined;
    leftovers.remove();
    await within(exited, 'end of the killed server', EXIT_MS);
  }

  #isRunning() {
    const { pid, exitCode, signalCode } = this.child;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  /** Resolves to the URL that it prints on stdout. Both pipes are drained for good, or the server would block. */
  #announcedUrl() {
    const { child } = this;
    const url = deferred();
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout = (stdout + text).slice(-OUTPUT_TAIL);
      // The white space behind it tells that the URL is there to its end.
      const line = /ws:\/\/[^\s"]+(?=\s)/.exec(stdout);
      if (line) url.resolve(line[0]);
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-OUTPUT_TAIL);
    });
    child.once('error', url.reject);
    // `close`, not `exit`: by then all of stderr is there.
    child.once('close', (code, signal) => {
      const why = this.#stderr.trim();
      url.reject(new Error(`${child.spawnfile} ended (${signal ?? code}) before it printed its URL: ${why}`));
    });
    return url.promise;
  }
}
