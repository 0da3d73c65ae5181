import { deferred } from '../deadline.mjs';

const PROCESSES = 200;
const BYTES_EACH = 100_000;
// 0.169.0 stops for good after a burst of 160 such starts (140 went well); this is far enough below.
const WINDOW = 64;
// A round takes about a second. Short, because one of the real servers is known to hang here.
const TIMEOUT_MS = 20_000;

/** Lets `limit` starts be unanswered at a time. */
class StartWindow {
  #free;
  #waiting = [];

  constructor(limit) {
    this.#free = limit;
  }

  async enter() {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    const turn = deferred();
    this.#waiting.push(turn);
    await turn.promise;
  }

  leave() {
    const next = this.#waiting.shift();
    if (next) next.resolve();
    else this.#free++;
  }
}

async function startAndFinish(client, window) {
  await window.enter();
  const argv = ['/bin/sh', '-c', `head -c ${BYTES_EACH} /dev/zero`];
  const tracked = client.start(argv, { timeoutMs: TIMEOUT_MS });
  try {
    await tracked.answer;
  } finally {
    window.leave();
  }
  await tracked.finished({ bytes: BYTES_EACH });
  return tracked.completeAt;
}

function manyCase(name, summary, limit) {
  return {
    name,
    summary: `${PROCESSES} processes of ${BYTES_EACH} bytes each, ${summary}, first process/start to last notification`,
    metrics: [{ key: 'time', unit: 'ms', better: 'lower', bar: { ratio: 1 } }],
    rounds: { full: 7, quick: 2 },
    // On one server 0.129.0 got three times slower within eight rounds, while its memory grew.
    freshServers: true,
    async round({ client }) {
      const window = new StartWindow(limit);
      const startedAt = performance.now();
      const completeAt = await Promise.all(Array.from({ length: PROCESSES }, () => startAndFinish(client, window)));
      return { time: [Math.max(...completeAt) - startedAt] };
    },
  };
}

export const many = manyCase('many', 'all requests sent at once', PROCESSES);
export const manyWindowed = manyCase('many-windowed', `at most ${WINDOW} starts unanswered`, WINDOW);
