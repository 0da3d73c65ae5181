import { expect, test } from 'vitest';
import { CutProxy, startInProcess, within } from '../../test/harness/index.js';
import type { SubscriberEvent } from '../event-log/events.js';
import { type ClientState, ExecServerClient, processId, type RemoteProcess } from './index.js';

/** How many random runs; each takes about a fifth of a second. */
const SEEDS = Number(process.env.CUT_SEEDS ?? 100);
const FIRST_SEED = Number(process.env.CUT_FIRST_SEED ?? 1);
const AT_ONCE = 4;

let recoveries = 0;

test(
  `whatever is cut when (${SEEDS} seeds): every byte once, in order, or an explicit gap`,
  async () => {
    const { url } = await startInProcess();
    let next = FIRST_SEED;
    const failures: string[] = [];
    const worker = async () => {
      while (next < FIRST_SEED + SEEDS) {
        const seed = next++;
        await run(seed, url).catch((error: unknown) =>
          failures.push(`seed ${seed}: ${error instanceof Error ? error.message : error}`),
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    expect(failures).toEqual([]);
    expect(recoveries).toBeGreaterThan(SEEDS);
  },
  20_000 + SEEDS * 2_000,
);

async function run(seed: number, url: string): Promise<void> {
  const random = randomOf(seed);
  const upTo = (n: number) => Math.floor(random() * n);
  const proxy = await CutProxy.listen(url);
  if (random() < 0.5) proxy.shaping = { chopBytes: () => 1 + upTo(2000), delayMs: upTo(2) };
  const states: ClientState[] = [];
  const client = await ExecServerClient.connect(proxy, {
    onStateChange: (state) => {
      states.push(state);
      if (state.status === 'recovering') recoveries++;
    },
  });
  const done = new AbortController();
  const misbehaving = misbehave(proxy, random, done.signal);
  try {
    const big = seed % 10 === 0;
    const talkers = Array.from({ length: 1 + upTo(3) }, async (_, i) => {
      const count = big ? 400_000 : 50 + upTo(3000);
      const step = big ? 20_000 + upTo(80_000) : 20 + upTo(300); // two forks each: a machine has only so many pids
      const tty = !big && random() < 0.3;
      const script = `a=1; while [ $a -le ${count} ]; do b=$((a+${step}-1)); [ $b -gt ${count} ] && b=${count}; seq $a $b; a=$((b+1)); sleep 0.00${1 + upTo(9)}; done; exit ${i}`;
      const process = await client.processes.start({
        processId: processId(`talker-${i}`),
        argv: ['sh', '-c', script],
        cwd: '/',
        env: { PATH: '/usr/bin:/bin' },
        tty,
      });
      await sleep(upTo(30)); // subscribers come late, too
      await all([
        follow(process, { holdBack: true }, count, big),
        follow(process, { holdBack: random() < 0.5 }, count, big),
      ]);
      expect(process.info()).toMatchObject({ exitCode: i, closed: true });
    });
    const echo = async () => {
      const process = await client.processes.start({
        processId: processId('echo'),
        argv: ['cat'],
        cwd: '/',
        env: { PATH: '/usr/bin:/bin' },
        tty: false,
        pipeStdin: true,
      });
      const count = 20 + upTo(200);
      const following = follow(process, { holdBack: true }, count, false);
      following.catch(() => undefined); // awaited at the end; a rejection before that is no unhandled one
      const writes: Promise<string>[] = [];
      for (let i = 1; i <= count; i++) {
        const write = process.write(Buffer.from(`${i}\n`));
        write.catch(() => undefined);
        writes.push(write);
        if (random() < 0.2) await writes.at(-1);
        if (random() < 0.1) await sleep(upTo(5));
      }
      await all([...writes, process.closeStdin(), following]);
      expect(new Set(await Promise.all(writes))).toEqual(new Set(['accepted']));
    };
    await within(all([...talkers, echo()]), 60_000, 'the end of all processes');
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.stack : error}\nafter ${JSON.stringify(states.slice(-8))}`);
  } finally {
    done.abort();
    await misbehaving;
    await client.close();
    await proxy.close();
  }
}

/** Cuts, stalls and refuses, at random moments, some dozen times, until `signal` aborts. */
async function misbehave(proxy: CutProxy, random: () => number, signal: AbortSignal): Promise<void> {
  const span = 5 + random() * 60;
  for (let left = 3 + random() * 12; left > 0 && !signal.aborted; left--) {
    await sleep(random() * span);
    const kind = random();
    if (kind < 0.2) {
      proxy.stall();
      await sleep(random() * 20);
    }
    if (kind > 0.8) proxy.refuseNew = true;
    if (kind > 0.5 && kind < 0.6) proxy.halfClose(random() < 0.5 ? 'client' : 'server');
    else proxy.cutAll();
    if (kind > 0.8) await sleep(random() * 50);
    proxy.refuseNew = false;
  }
}

/** Checks the numbered lines of a process: all of them, unless more was said than a server retains. */
async function follow(process: RemoteProcess, options: { holdBack: boolean }, count: number, mayLose: boolean) {
  let nextSeq = 1;
  let nextLine: number | undefined = 1;
  let rest = '';
  let lost = false;
  const last: string[] = [];
  for await (const event of process.events(options) as AsyncIterable<SubscriberEvent>) {
    if (event.type === 'failed') throw event.error;
    if ((event.type === 'gap' ? event.fromSeq : event.seq) !== nextSeq) {
      throw new Error(`expected seq ${nextSeq}, got ${JSON.stringify({ ...event, chunk: undefined })}`);
    }
    nextSeq = (event.type === 'gap' ? event.toSeq : event.seq) + 1;
    last.push(event.type);
    if (event.type === 'gap') {
      if (!mayLose) throw new Error(`an unexpected gap: ${JSON.stringify(event)}`);
      lost = true;
      nextLine = undefined;
    }
    if (event.type !== 'output') continue;
    const lines: string[] = ((nextLine === undefined ? '' : rest) + event.chunk.toString()).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (nextLine === undefined) lines.shift(); // the first may be the end of one that was lost
    for (const line of lines) {
      nextLine ??= Number(line);
      if (line !== String(nextLine)) throw new Error(`expected line ${nextLine}, got ${JSON.stringify(line)}`);
      nextLine++;
    }
  }
  expect(last.slice(-1)).toEqual(['closed']);
  expect(last.filter((type) => type === 'exited')).toHaveLength(1);
  expect(nextLine).toBe(count + 1);
  expect(rest).toBe('');
  if (lost) expect(mayLose).toBe(true);
}

/** Waits for all of them, then rejects with the first failure: none is left behind unhandled. */
async function all(promises: Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) if (result.status === 'rejected') throw result.reason;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** mulberry32: the same seed, the same run, as far as timing allows. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
