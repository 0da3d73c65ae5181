// Runs one case on all servers in alternation, so that a noisy minute of the machine hits them all alike.
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidResult } from './invalid-result.mjs';
import { LeanClient } from './lean-client.mjs';
import { RunningServer } from './servers.mjs';
import { summarize } from './statistics.mjs';

// Ours is compiled while it runs, and every server grows its pools; one round brings them to their pace.
const DEFAULT_WARMUPS = 1;
// Lets the kernel finish with the processes of the server before, so that the next one does not pay for them.
const SETTLE_MS = 50;

class Lane {
  constructor(plan) {
    this.plan = plan;
    this.samples = {};
    this.failure = plan.failure;
    this.server = undefined;
    this.client = undefined;
    this.state = undefined;
    this.memory = undefined;
    this.lastWords = undefined;
  }

  async open(benchCase) {
    this.server = await RunningServer.start(this.plan);
    this.client = await LeanClient.connect(this.server.url, this.server.childMark);
    this.state = await benchCase.open?.(this);
  }

  keep(samples) {
    for (const [key, values] of Object.entries(samples)) {
      if (!values.every(Number.isFinite)) throw new InvalidResult(`${key}: not a number among ${values}`);
      this.samples[key] = [...(this.samples[key] ?? []), ...values];
    }
  }

  /** The peak is over all servers that this lane has had. */
  noteMemory() {
    const { nowMib, peakMib } = this.server.memory();
    this.memory = { nowMib, peakMib: Math.max(peakMib, this.memory?.peakMib ?? 0) };
  }

  /** Never throws; a server that cannot be killed is a failure of its lane. */
  async close() {
    const { client, server } = this;
    this.client = undefined;
    this.server = undefined;
    client?.close();
    try {
      await server?.stop();
      this.lastWords ??= server?.lastWords();
    } catch (error) {
      this.failure ??= error;
    }
  }

  /** Runs `step`; an error ends this lane, never the run. */
  async guard(step) {
    if (this.failure) return;
    try {
      await step();
    } catch (error) {
      this.failure = error;
      await this.server?.mayEnd();
      // At once: what it still does must not slow down the others.
      await this.close();
    }
  }

  result() {
    const { plan, failure, lastWords, memory } = this;
    if (failure) {
      const status = failure instanceof InvalidResult ? 'invalid' : 'failed';
      // Without samples: a server that answers wrongly, or not at all, has no time.
      return { server: plan.name, status, reason: [failure.message, lastWords].filter(Boolean).join('; ') };
    }
    const statistics = Object.fromEntries(Object.entries(this.samples).map(([key, s]) => [key, summarize(s)]));
    return { server: plan.name, status: 'ok', statistics, memory, samples: this.samples };
  }
}

/** One turn of one lane. `isWarm` tells that the rounds so far have warmed the server up. */
async function takeTurn(benchCase, lane, { warmups, isWarm }) {
  const { freshServers } = benchCase;
  if (!lane.server) await lane.open(benchCase);
  if (freshServers) for (let i = 0; i < warmups; i++) await benchCase.round(lane);
  const samples = await benchCase.round(lane);
  if (freshServers || isWarm) lane.keep(samples);
  lane.noteMemory();
  if (freshServers) await lane.close();
  await sleep(SETTLE_MS);
}

/** One result per server: `{server, status: 'ok' | 'invalid' | 'failed', …}`. */
export async function runCase(benchCase, plans, { quick, log }) {
  const warmups = benchCase.warmups ?? DEFAULT_WARMUPS;
  const counted = quick ? benchCase.rounds.quick : benchCase.rounds.full;
  const rounds = benchCase.freshServers ? counted : warmups + counted;
  const lanes = plans.map((plan) => new Lane(plan));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const lane of lanes) {
        log(`${benchCase.name}: round ${round + 1} of ${rounds}, ${lane.plan.name}`);
        await lane.guard(() => takeTurn(benchCase, lane, { warmups, isWarm: round >= warmups }));
      }
    }
  } finally {
    for (const lane of lanes) await lane.close();
  }
  return lanes.map((lane) => lane.result());
}
