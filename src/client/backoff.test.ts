import { expect, test } from 'vitest';
import { DialError } from '../transport/dial-error.js';
import { backoffMs, pauseMsAfter, sleep } from './backoff.js';
import { BACKOFF_CAP_MS, RETRY_AFTER_CAP_MS } from './limits.js';

test('the back-off doubles up to its cap, and is spread over the whole span', () => {
  const most = [1, 2, 3, 4, 5, 6, 7, 1000].map((failed) => backoffMs(failed, () => 1));
  expect(most).toEqual([100, 200, 400, 800, 1600, BACKOFF_CAP_MS, BACKOFF_CAP_MS, BACKOFF_CAP_MS]);
  expect(backoffMs(5, () => 0)).toBe(0);
});

test('sleeping ends with the reason of the abort', async () => {
  const controller = new AbortController();
  const sleeping = sleep(60_000, controller.signal);
  controller.abort(new Error('enough'));
  await expect(sleeping).rejects.toThrow('enough');
  await expect(sleep(60_000, controller.signal)).rejects.toThrow('enough');
});

test('what was asked of us is waited first, if it is not too much', () => {
  const asked = (retryAfterMs: number) => new DialError('not now', { retryAfterMs });
  expect(pauseMsAfter(1, asked(700))).toBeGreaterThanOrEqual(700);
  expect(pauseMsAfter(1, asked(3_600_000))).toBeLessThanOrEqual(RETRY_AFTER_CAP_MS + BACKOFF_CAP_MS);
  expect(pauseMsAfter(1, new Error('not said'))).toBeLessThanOrEqual(BACKOFF_CAP_MS);
});
