// The processes that are measured: nodes of a rendezvous, and a nats-server. Linux only: /proc tells what they take.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const TICKS_PER_SECOND = 100; // USER_HZ, on every Linux there is

/** Resolves with the first match in what it prints; it ends with this process. */
async function start(command, args, pattern) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  let said = '';
  const match = await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        said = said.slice(-10_000) + data;
        const found = pattern.exec(said);
        if (found) resolve(found);
      });
    }
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${command} ended: ${said}`)));
  });
  return { child, match };
}

function measured(child) {
  return {
    rssMiB: () => Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))[1]) / 1024,
    cpuSeconds() {
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(') ')[1].split(' ');
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    },
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

export async function startNode(keyFile, more = []) {
  const args = [
    MAIN,
    'rendezvous',
    '--listen',
    'http://127.0.0.1:0',
    '--key-file',
    keyFile,
    '--log-level',
    'warn',
    ...more,
  ];
  const { child, match } = await start(process.execPath, args, /^(http:\/\/\S+)\n/m);
  return { url: match[1], ...measured(child) };
}

export async function startNats(storage) {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', storage];
  const { child } = await start('nats-server', args, /Server is ready/);
  return { url: `nats://127.0.0.1:${port}`, ...measured(child) };
}

export async function operatorToken(keyFile) {
  const args = [MAIN, 'rendezvous', 'token', '--key-file', keyFile, '--operator'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return stdout.trim();
}
