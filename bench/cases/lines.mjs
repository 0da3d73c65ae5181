import { mustEqual } from '../invalid-result.mjs';

const LINES = 20_000;
const SCRIPT = `i=0; while [ $i -lt ${LINES} ]; do echo "line $i"; i=$((i+1)); done`;
const EXPECTED = Array.from({ length: LINES }, (_, i) => `line ${i}\n`).join('');

export const lines = {
  name: 'lines',
  summary: `${LINES} lines from one shell loop (one write each), process/start to its last notification`,
  metrics: [{ key: 'time', unit: 'ms', better: 'lower', bar: { ratio: 1 } }],
  rounds: { full: 7, quick: 2 },
  async round({ client }) {
    const chunks = [];
    const onOutput = (seq, base64) => chunks.push({ seq, base64 });
    const tracked = client.start(['/bin/bash', '-c', SCRIPT], { onOutput });
    await tracked.finished({ bytes: EXPECTED.length });
    // The clock has stopped; arrival order is not always seq order.
    chunks.sort((a, b) => a.seq - b.seq);
    const text = chunks.map(({ base64 }) => Buffer.from(base64.latin1Slice(), 'base64').toString('latin1')).join('');
    mustEqual('the text is the expected one', text === EXPECTED, true);
    return { time: [tracked.completeAt - tracked.sentAt] };
  },
};
