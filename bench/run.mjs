// npm run bench: measures this server and the real ones side by side. See README.md.
import fs from 'node:fs';
import os from 'node:os';
import { removeAllLeftovers, removeLeftoversAtExit } from './leftovers.mjs';
import { readOptions, USAGE, UsageError } from './options.mjs';
import { caseLines } from './report.mjs';
import { runCase } from './rounds.mjs';
import { OURS, resolveServer } from './servers.mjs';
import { judge } from './verdict.mjs';

const EXIT = { ok: 0, broken: 1, barMissed: 2, usage: 64 };

function print(lines) {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** On a terminal one line that is overwritten; in a log, nothing for each round would help. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

function machine() {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryMib: Math.round(os.totalmem() / 2 ** 20),
    kernel: os.release(),
    node: process.version,
    loadBefore: os.loadavg()[0],
  };
}

/** A server that cannot be found or installed fails in every case, and says why. */
async function planOf(name, options) {
  const log = (text) => process.stderr.write(`${text}\n`);
  try {
    return await resolveServer(name, { serverCommand: options.serverCommand, log });
  } catch (failure) {
    return { name, failure };
  }
}

async function measure(benchCase, plans, options) {
  const selected = plans.filter(({ name }) => benchCase.only?.includes(name) ?? true);
  if (selected.length === 0) {
    print(['', `${benchCase.name}: skipped, it only measures ${benchCase.only.join(', ')}`]);
    return { name: benchCase.name, skipped: true, results: [], verdicts: [] };
  }
  const results = await runCase(benchCase, selected, { quick: options.quick, log: progress });
  progress('');
  const verdicts = judge(benchCase, results);
  print(caseLines(benchCase, results, verdicts));
  const { name, summary, metrics } = benchCase;
  return { name, summary, metrics, results, verdicts };
}

/** Ours has no excuse. A peer that fails is reported, and missed only when no other is left to compare with. */
function isBroken({ results }) {
  const failed = ({ status }) => status !== 'ok';
  const peers = results.filter(({ server }) => server !== OURS);
  const ours = results.filter(({ server }) => server === OURS);
  return ours.some(failed) || (peers.length > 0 && peers.every(failed));
}

function exitCodeOf(measured) {
  if (measured.some(isBroken)) return EXIT.broken;
  if (measured.some(({ verdicts }) => verdicts.some(({ met, goal }) => met === false && !goal))) return EXIT.barMissed;
  return EXIT.ok;
}

async function main() {
  if (process.platform !== 'linux') throw new UsageError('the benchmark reads /proc and runs on Linux only');
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    print([USAGE]);
    return EXIT.ok;
  }
  removeLeftoversAtExit();
  const startedAt = new Date().toISOString();
  const host = machine();
  const load = host.loadBefore.toFixed(2);
  print([`${host.cpu}, ${host.cores} cores, Linux ${host.kernel}, Node ${host.node}, load ${load}`]);
  const plans = [];
  for (const name of options.servers) plans.push(await planOf(name, options));
  const measured = [];
  for (const benchCase of options.cases) measured.push(await measure(benchCase, plans, options));
  if (options.json) {
    const report = { startedAt, host, quick: options.quick, servers: options.servers, cases: measured };
    fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  return exitCodeOf(measured);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${USAGE}\n`);
  process.exitCode = EXIT.usage;
} finally {
  removeAllLeftovers();
}
