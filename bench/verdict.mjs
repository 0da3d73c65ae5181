import { OURS } from './servers.mjs';

/**
 * Compares ours with the better of the real servers, metric by metric: `{metric, bestPeer, ratio, bar, met, goal}`.
 * What is unknown (no peer measured, ours not selected) is null.
 */
export function judge(benchCase, results) {
  const ok = results.filter(({ status }) => status === 'ok');
  const ours = ok.find(({ server }) => server === OURS);
  const peers = ok.filter(({ server }) => server !== OURS);
  return benchCase.metrics.map((metric) => judgeMetric(metric, ours, peers));
}

function judgeMetric(metric, ours, peers) {
  const median = (result) => result.statistics[metric.key].p50;
  const sign = metric.better === 'lower' ? 1 : -1;
  const best = [...peers].sort((a, b) => sign * (median(a) - median(b)))[0];
  const ratio = ours && best ? median(ours) / median(best) : null;
  return {
    metric: metric.key,
    bestPeer: best?.server ?? null,
    ratio,
    bar: metric.bar ? barText(metric) : null,
    met: ours && metric.bar ? isMet(metric, median(ours), ratio) : null,
    goal: metric.bar?.goal ?? false,
  };
}

function isMet({ bar, better }, ourMedian, ratio) {
  const figure = bar.ratio === undefined ? ourMedian : ratio;
  if (figure === null) return null;
  const limit = bar.ratio ?? bar.absolute;
  return better === 'lower' ? figure <= limit : figure >= limit;
}

function barText({ bar, better, unit }) {
  const sign = better === 'lower' ? '<=' : '>=';
  return bar.ratio === undefined ? `${sign} ${bar.absolute} ${unit}` : `${sign} ${bar.ratio}x`;
}
