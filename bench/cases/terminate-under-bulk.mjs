import { mustEqual } from '../invalid-result.mjs';
import { BULK_ARGV, BULK_BYTES } from './bulk.mjs';

const SLEEP_ARGV = ['sleep', '600'];
// How much of the flow has arrived when process/terminate is sent: once per sleeping process, well apart, and far
// enough from both ends that the flow is in full swing.
const POINTS = [0.2, 0.4, 0.6, 0.8].map((share) => share * BULK_BYTES);

async function terminate(client, sleeper, flow) {
  const sentAt = performance.now();
  const { result, at } = await client.call('process/terminate', { processId: sleeper.processId });
  mustEqual('process/terminate: running', result.running, true);
  // Else this was an answer on a quiet connection.
  mustEqual('the flow was over before the answer', flow.closedAt !== 0 && flow.closedAt < at, false);
  await sleeper.whenComplete();
  mustEqual('output bytes of sleep', sleeper.bytes, 0);
  return { answer: at - sentAt, closed: sleeper.closedAt - sentAt };
}

export const terminateUnderBulk = {
  name: 'terminate-under-bulk',
  summary: `process/terminate of a sleeping process while ${BULK_BYTES / 2 ** 20} MiB flow on the same connection`,
  metrics: [
    { key: 'answer', label: 'to the answer', unit: 'ms', better: 'lower', bar: { absolute: 20 } },
    { key: 'closed', label: 'to process/closed', unit: 'ms', better: 'lower' },
  ],
  rounds: { full: 4, quick: 1 },
  async round({ client }) {
    const sleepers = POINTS.map(() => client.start(SLEEP_ARGV));
    await Promise.all(sleepers.map((sleeper) => sleeper.answer));
    const terminations = [];
    let next = 0;
    const onOutput = () => {
      if (next === POINTS.length || flow.bytes < POINTS[next]) return;
      terminations.push(terminate(client, sleepers[next++], flow));
      // Not swallowed: the round awaits them all below, after the flow. A failed one must not end the run before.
      terminations.at(-1).catch(() => undefined);
    };
    const flow = client.start(BULK_ARGV, { onOutput });
    await flow.finished({ bytes: BULK_BYTES });
    const times = await Promise.all(terminations);
    mustEqual('terminations sent', times.length, POINTS.length);
    return { answer: times.map(({ answer }) => answer), closed: times.map(({ closed }) => closed) };
  },
};
