// The packages of this folder, installed when missing into PEERS_DIR or a cache in the temp dir (some 320 MB, most of it a newer Node).
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
// A slow line: what takes longer is no longer worth waiting for in a test.
const INSTALL_MS = 120_000;

/** One folder for each state of the lock file: a change of versions never meets what was installed before. */
function cacheFolder() {
  const lock = createHash('sha256')
    .update(fs.readFileSync(path.join(here, 'package-lock.json')))
    .digest('hex');
  const root = process.env.PEERS_DIR || path.join(os.tmpdir(), 'exec-server-peers');
  return path.join(root, `interop-${lock.slice(0, 12)}`);
}

/** The folder whose node_modules holds the packages. Rejects when they cannot be had here. */
export async function interopFolder() {
  const folder = cacheFolder();
  if (!fs.existsSync(folder)) await install(folder);
  return folder;
}

/** Installed beside its place and moved there whole: an interrupted install, or two at once, leave nothing half done. */
async function install(folder) {
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const draft = fs.mkdtempSync(`${folder}.`);
  try {
    for (const name of ['package.json', 'package-lock.json'])
      fs.copyFileSync(path.join(here, name), path.join(draft, name));
    await run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: draft, timeout: INSTALL_MS });
    fs.renameSync(draft, folder);
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true });
    // Somebody else was faster.
    if (!fs.existsSync(folder)) throw error;
  }
}
