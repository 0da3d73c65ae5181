import { expect, test } from 'vitest';
import { cutsInSilence, SILENT } from './idle-cutting-proxy.js';

/** What nginx, HAProxy and the load balancers of the clouds cut after, unless they are told otherwise. */
const COMMON_IDLE_MS = 60_000;

test('70 s of silence behind a proxy that cuts at 60 s cut nothing, thanks to the pings', async () => {
  const times = { idleMs: COMMON_IDLE_MS, silenceMs: 70_000 };
  const [byDefault, withoutPings] = await Promise.all([
    cutsInSilence(times),
    cutsInSilence({ ...times, client: SILENT, server: SILENT }),
  ]);
  expect(byDefault).toBe(0);
  expect(withoutPings).toBe(1);
}, 120_000);
