import { expect, test } from 'vitest';
import { RateLimit } from './rate-limit.js';

test('a subject may ask so often at once, then as fast as it is refilled, and others are not concerned', () => {
  const limit = new RateLimit({ burst: 3, perSecond: 10 });
  for (let i = 0; i < 3; i++) limit.take('a', 0);
  expect(() => limit.take('a', 0)).toThrow(expect.objectContaining({ code: 'too_many_requests', retryAfterMs: 1_000 }));
  limit.take('b', 0);
  limit.take('a', 100);
  expect(() => limit.take('a', 100)).toThrow('more than 10 times per second');
  for (let i = 0; i < 3; i++) limit.take('a', 10_000);
  expect(() => limit.take('a', 10_000)).toThrow();
});
