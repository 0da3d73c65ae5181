import { describe, expect, test } from 'vitest';
import { cutsInSilence, SILENT } from './idle-cutting-proxy.js';

describe('a proxy that cuts idle connections', () => {
  const times = { idleMs: 1_200, silenceMs: 3_000 };
  const pinging = { pingIntervalMs: 200 };

  test.each([
    ['both sides', { client: pinging, server: pinging }],
    ['the client alone', { client: pinging, server: SILENT }],
    ['the server alone', { client: SILENT, server: pinging }],
  ])('leaves one alone that %s keep alive by pings', async (_who, keepAlive) => {
    expect(await cutsInSilence({ ...times, ...keepAlive })).toBe(0);
  });

  test('cuts one without pings, which is come back to', async () => {
    expect(await cutsInSilence({ ...times, client: SILENT, server: SILENT })).toBeGreaterThan(0);
  });
});
