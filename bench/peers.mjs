// The real servers, installed from npm when missing, into PEERS_DIR or a cache in the temp dir (200-400 MB each).
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
// A slow line: a few hundred MB at 1 MB/s.
const INSTALL_MS = 600_000;
const VERSION_MS = 20_000;

function cacheRoot() {
  return process.env.PEERS_DIR || path.join(os.tmpdir(), 'exec-server-peers');
}

/** The binary has moved between versions: `vendor/TRIPLE/codex/codex` once, `vendor/TRIPLE/bin/codex` now. */
function findBinary(dir) {
  const vendor = path.join(dir, 'node_modules', '@openai', `codex-${process.platform}-${process.arch}`, 'vendor');
  if (!fs.existsSync(vendor)) return undefined;
  return fs
    .readdirSync(vendor)
    .flatMap((triple) => [path.join(vendor, triple, 'codex', 'codex'), path.join(vendor, triple, 'bin', 'codex')])
    .find((file) => fs.existsSync(file));
}

async function install(dir, version) {
  fs.mkdirSync(dir, { recursive: true });
  // Keeps npm from walking up to somebody else's package.json.
  fs.writeFileSync(path.join(dir, 'package.json'), '{"private":true}\n');
  const args = ['install', '--no-audit', '--no-fund', '--no-save', `@openai/codex@${version}`];
  await run('npm', args, { cwd: dir, timeout: INSTALL_MS });
}

/** The binary of one version if it is installed already. */
export function findPeer(version) {
  return findBinary(path.join(cacheRoot(), version));
}

/** The binary of one version. It is asked for its version, because an interrupted install leaves a broken file. */
export async function peerBinary(version, log) {
  const dir = path.join(cacheRoot(), version);
  if (!findBinary(dir)) {
    log(`installing @openai/codex@${version} into ${dir}`);
    await install(dir, version);
  }
  const binary = findBinary(dir);
  if (!binary) throw new Error(`@openai/codex@${version} has no binary for ${process.platform}-${process.arch}`);
  const { stdout } = await run(binary, ['--version'], { timeout: VERSION_MS });
  if (!stdout.includes(version)) throw new Error(`${binary} says it is ${stdout.trim()}; remove ${dir} and try again`);
  return binary;
}
