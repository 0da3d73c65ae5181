/** Nearest rank, so that every figure is one that was measured; the median of an even count is the mean of the two. */
export function summarize(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const n = sorted.length;
  const middle = Math.floor(n / 2);
  const p50 = n % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { n, p50, p95: sorted[Math.ceil(n * 0.95) - 1], min: sorted[0], max: sorted[n - 1] };
}
