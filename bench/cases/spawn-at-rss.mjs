import { OURS } from '../servers.mjs';
import { startClosedTimes } from './start-closed.mjs';

// A process that grows pays for it at every fork. This fills the server with output that it retains (up to 1 MiB per
// process by default) and starts the shortest command again.
const FILLERS = 256;
const FILLERS_AT_ONCE = 8;
const FILLER_BYTES = 1024 * 1024;
const STARTS = 40;

async function fill(client) {
  for (let done = 0; done < FILLERS; done += FILLERS_AT_ONCE) {
    const argv = ['head', '-c', String(FILLER_BYTES), '/dev/zero'];
    const group = Array.from({ length: FILLERS_AT_ONCE }, () => client.start(argv));
    await Promise.all(group.map((tracked) => tracked.finished({ bytes: FILLER_BYTES })));
  }
}

export const spawnAtRss = {
  name: 'spawn-at-rss',
  summary: `start-closed-pipe in a fresh server, and after ${FILLERS} processes with ${FILLER_BYTES} bytes each`,
  // Informational: it shows what our own memory budget is worth. Hence no bar, and no comparison.
  only: [OURS],
  metrics: [
    { key: 'fresh', label: 'fresh', unit: 'ms', better: 'lower' },
    { key: 'filled', label: 'filled', unit: 'ms', better: 'lower' },
    { key: 'freshRss', label: 'RSS fresh', unit: 'MiB', better: 'lower' },
    { key: 'filledRss', label: 'RSS filled', unit: 'MiB', better: 'lower' },
  ],
  // Filling cannot be undone, so there is one round; the first starts warm the server up and are not counted.
  rounds: { full: 1, quick: 1 },
  warmups: 0,
  async round({ client, server }) {
    await startClosedTimes(client, { tty: false, count: STARTS });
    const fresh = await startClosedTimes(client, { tty: false, count: STARTS });
    const freshRss = server.memory().nowMib;
    await fill(client);
    const filledRss = server.memory().nowMib;
    const filled = await startClosedTimes(client, { tty: false, count: STARTS });
    return { fresh, filled, freshRss: [freshRss], filledRss: [filledRss] };
  },
};
