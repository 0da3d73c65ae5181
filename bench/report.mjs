import { OURS } from './servers.mjs';

// Below this a 95th percentile is little more than the largest sample.
const P95_FROM = 20;
const HEADER = ['', 'server', 'n', 'p50', 'p95', 'min', 'max', 'ratio', 'bar'];

function figure(value) {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(3);
}

function ratioText({ ratio, bestPeer }) {
  return ratio === null ? '' : `${ratio.toPrecision(3)}x of ${bestPeer}`;
}

function barText({ bar, met, goal }) {
  if (bar === null) return '';
  const verdict = { true: 'met', false: goal ? 'missed (a goal)' : 'MISSED', null: 'not judged' }[met];
  return `${bar} ${verdict}`;
}

function row(metric, verdict, result) {
  const { n, p50, p95, min, max } = result.statistics[metric.key];
  const p95Text = n >= P95_FROM ? figure(p95) : '';
  const isOurs = result.server === OURS;
  return [
    `${metric.label ?? metric.key} [${metric.unit}]`,
    result.server,
    String(n),
    figure(p50),
    p95Text,
    figure(min),
    figure(max),
    isOurs ? ratioText(verdict) : '',
    isOurs ? barText(verdict) : '',
  ];
}

function table(rows) {
  const widths = HEADER.map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  // Numbers to the right, words to the left.
  const isNumber = (column) => column >= 2 && column <= 6;
  const pad = (text, column) => (isNumber(column) ? text.padStart(widths[column]) : text.padEnd(widths[column]));
  return rows.map((cells) => `  ${cells.map(pad).join('  ')}`.trimEnd());
}

/** The lines of one case: what it measures, a table, memory, and whatever went wrong. */
export function caseLines(benchCase, results, verdicts) {
  const ok = results.filter(({ status }) => status === 'ok');
  const rows = benchCase.metrics.flatMap((metric, i) => ok.map((result) => row(metric, verdicts[i], result)));
  const lines = ['', `${benchCase.name}: ${benchCase.summary}`];
  if (rows.length > 0) lines.push(...table([HEADER, ...rows]));
  for (const { server, status, reason } of results) {
    if (status !== 'ok') lines.push(`  ${status.toUpperCase()} ${server}: ${reason}`);
  }
  const memory = ok.map((result) => `${result.server} ${figure(result.memory.peakMib)}`);
  if (memory.length > 0) lines.push(`  peak RSS of the server [MiB]: ${memory.join(', ')}`);
  return lines;
}
