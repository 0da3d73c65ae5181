// Makes the same calls of the real Codex's unified exec and of ours, here and through our server, and compares the texts:
//   node scripts/compare-unified-exec.mjs [VERSION,…]
// Ids, pids and times apart they are equal, or docs/compatibility.md lists the difference; else this fails.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peerBinary } from '../bench/peers.mjs';
import { codexTexts } from './compare-unified-exec/codex.mjs';
import { localTexts, servedTexts } from './compare-unified-exec/ours.mjs';
import { steps } from './compare-unified-exec/steps.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const kit = join(root, '../shared/interop/mock-model.mjs');
const VERSIONS = ['0.129.0', '0.169.0'];
/** Of a long text this much of either end is shown. */
const SHOWN = 300;

if (!existsSync(kit)) {
  console.log('skipped: ../shared is not beside this checkout');
  process.exit(0);
}
const mockModel = await import(kit);
const versions = process.argv[2]?.split(',') ?? VERSIONS;
const binaries = [];
for (const version of versions) binaries.push(await peerBinary(version, console.error));

// The same for everybody, so that shells find the same world.
const env = { PATH: process.env.PATH, HOME: homedir(), LANG: 'C.UTF-8', SHELL: '/bin/bash', NO_PROXY: '127.0.0.1' };
for (const name of Object.keys(process.env)) delete process.env[name];
Object.assign(process.env, env);

const work = mkdtempSync(join(tmpdir(), 'exec-server-compare-'));
const folder = (name) => {
  mkdirSync(join(work, name));
  return join(work, name);
};
let failed = false;
try {
  // They mostly wait.
  const [local, served, ...real] = await Promise.all([
    localTexts(folder('local')),
    servedTexts(folder('served'), env),
    ...binaries.map((binary, at) => codexTexts(binary, { mockModel, folder: folder(versions[at]), env })),
  ]);
  compare('here and through our server', served, local, () => false);
  const listed = listedDifferences();
  real.forEach((texts, at) => {
    compare(`codex ${versions[at]} and ours`, texts, local, (name) => listed.get(name)?.includes(versions[at]));
  });
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

function compare(title, theirs, ours, isListed) {
  const [equal, different] = [[], []];
  for (const { name } of steps) {
    const same = normalised(theirs.get(name)) === normalised(ours.get(name));
    (same ? equal : different).push(name);
  }
  console.log(`${title}: ${equal.length} of ${steps.length} texts are the same`);
  for (const name of different) {
    console.log(`  ${isListed(name) ? 'listed' : 'UNLISTED'} difference: ${name}`);
    console.log(`    they ${shown(theirs.get(name))}`);
    console.log(`    we   ${shown(ours.get(name))}`);
  }
  const stale = equal.filter(isListed);
  for (const name of stale) console.log(`  LISTED, but the same: ${name}`);
  if (stale.length > 0 || !different.every(isListed)) failed = true;
}

/** Without what differs from run to run. */
function normalised(text) {
  return text
    .replace(/^Chunk ID: [0-9a-f]{6}$/m, 'Chunk ID: X')
    .replace(/^Wall time: [\d.]+ seconds$/m, 'Wall time: T seconds')
    .replace(/\b(session ID|process id) \d+/gi, '$1 N')
    .replace(/^((?:\/bin\/)?bash: line \d+:) +\d+ /gm, '$1 P ');
}

function shown(text) {
  const plain = normalised(text);
  if (plain.length <= 3 * SHOWN) return JSON.stringify(plain);
  return `${JSON.stringify(plain.slice(0, SHOWN))} …${plain.length - 2 * SHOWN}… ${JSON.stringify(plain.slice(-SHOWN))}`;
}

/** The tables of docs/compatibility.md: Map(step -> versions). */
function listedDifferences() {
  const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8');
  const rows = page.matchAll(/^\| (`unified-exec\/.*?) +\| ([\d., ]+?) +\|/gm);
  return new Map(
    [...rows].flatMap(([, names, of]) =>
      [...names.matchAll(/`unified-exec\/([\w-]+)`/g)].map(([, name]) => [name, of.split(', ')]),
    ),
  );
}
