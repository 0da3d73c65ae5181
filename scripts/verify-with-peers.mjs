// Runs the kits of ../shared against the built server: the conformance cases in both dialects, and the real Codex clients;
// and compares our unified exec with theirs (the area unified-exec).
//   node scripts/verify-with-peers.mjs [AREA,…] [SCENARIO,…]
// Fails on any difference that docs/compatibility.md does not list.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const shared = join(root, '../shared');
const AREAS =
  'envelope,transport,initialize,start,read,write,terminate,output,tty,stdio,fs,sandbox,v169,http,unified-exec';
const SCENARIOS = 'a,b,c,e,g,h,i2,j,k';
/** Those that make sense for a client that sandboxes what it does: the others want an approval from somebody. */
const SANDBOXED = ['a', 'c', 'e', 'j'];
const CLIENTS = ['0.129.0', '0.169.0'];

const [asked = AREAS, scenarios = SCENARIOS] = process.argv.slice(2);
const areas = asked.split(',').filter((area) => area !== 'none' && area !== 'unified-exec');
if (!existsSync(join(shared, 'conformance'))) {
  console.log('skipped: ../shared is not beside this checkout');
  process.exit(0);
}

const work = mkdtempSync(join(tmpdir(), 'exec-server-verify-'));
const serve = `${process.execPath} ${join(root, 'dist/cli/main.js')} serve --listen ws://127.0.0.1:0 --log-level warn`;
let failed = false;
try {
  for (const kit of ['conformance', 'interop']) {
    cpSync(join(shared, kit), join(work, kit), { recursive: true });
    execFileSync('chmod', ['-R', 'u+w', join(work, kit)]); // shared/ may be read-only
    execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: join(work, kit), stdio: 'inherit' });
  }
  for (const dialect of areas.length === 0 ? [] : ['plain', 'uri']) checkConformance(dialect);
  for (const version of CLIENTS) driveClient(version);
  if (asked.includes('unified-exec')) run('node', ['scripts/compare-unified-exec.mjs'], root);
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

function checkConformance(dialect) {
  const kit = join(work, 'conformance');
  const out = join(work, `${dialect}.json`);
  // The answers of the real servers were recorded with CODEX_HOME set, and some cases print the environment.
  const server = `env CODEX_HOME=${join(homedir(), '.codex')} ${serve}`;
  const only = areas.map((area) => `${area}/`);
  run('node', ['run.mjs', '--server', server, '--dialect', dialect, '--out', out, '--only', only.join(',')], kit);
  const judged = spawnSync('node', ['judge.mjs', out, '--only', only.join(',')], { cwd: kit, encoding: 'utf8' });
  const listed = new Set(readFileSync(join(root, 'docs/compatibility.md'), 'utf8').match(/`[a-z0-9]+\/[\w-]+`/gi));
  const differing = [...judged.stdout.matchAll(/^(?:differs|missing) +(\S+)/gm)].map(([, name]) => name);
  const unexpected = differing.filter((name) => !listed.has(`\`${name}\``));
  console.log(`conformance, ${dialect} dialect: ${judged.stdout.trim().split('\n').at(-1)}`);
  for (const name of differing)
    console.log(`  ${unexpected.includes(name) ? 'UNEXPECTED' : 'known'} difference: ${name}`);
  if (unexpected.length === 0) return;
  failed = true;
  console.log(judged.stdout);
}

function driveClient(version) {
  const kit = join(work, 'interop');
  const find = `import('./peers.mjs').then((m) => console.log(m.peer('${version}')))`;
  const codex = execFileSync('node', ['-e', find], { cwd: kit, encoding: 'utf8' }).trim();
  console.log(`codex ${version} as the client`);
  const drive = (script, names) =>
    run('node', [script, '--codex', codex, '--server-cmd', serve, '--scenario', names.join(',')], kit);
  const names = scenarios.split(',').filter((name) => name !== 'none');
  if (names.length === 0) return;
  drive('drive.mjs', names);
  const sandboxed = names.filter((name) => SANDBOXED.includes(name));
  if (sandboxed.length === 0) return;
  console.log('the same in the sandbox mode workspace-write');
  const script = readFileSync(join(kit, 'drive.mjs'), 'utf8').replaceAll('danger-full-access', 'workspace-write');
  writeFileSync(join(kit, 'drive-sandboxed.mjs'), script);
  drive('drive-sandboxed.mjs', sandboxed);
}

function run(command, args, cwd) {
  if (spawnSync(command, args, { cwd, stdio: 'inherit' }).status !== 0) failed = true;
}
