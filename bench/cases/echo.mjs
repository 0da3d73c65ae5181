import { deferred, within } from '../deadline.mjs';
import { mustEqual } from '../invalid-result.mjs';

const BATCH = 20;
// The number makes each line different, so an echo cannot be taken for the one before; 6 bytes are 8 characters of
// base64 without padding, so the pieces of an echo that comes in several chunks can be counted one by one.
const LINE_BYTES = 6;

function lineOf(number) {
  return Buffer.from(`${String(number % 100_000).padStart(LINE_BYTES - 1, '0')}\n`);
}

/** One long-lived `cat`, and the bytes that it has sent back since the last write. */
class EchoingCat {
  #pieces = [];
  #received = 0;
  #echoed = deferred();
  #lines = 0;

  constructor(client) {
    this.client = client;
    this.process = client.start(['cat'], { pipeStdin: true, onOutput: (_seq, base64) => this.#take(base64) });
  }

  async time() {
    const line = lineOf(this.#lines++);
    this.#pieces = [];
    this.#received = 0;
    this.#echoed = deferred();
    const sentAt = performance.now();
    const written = this.client.write(this.process, line);
    const echoedAt = within(this.#echoed.promise, 'echo of a line');
    const [at] = await Promise.all([echoedAt, written]);
    mustEqual('echoed line', Buffer.concat(this.#pieces).toString(), line.toString());
    return at - sentAt;
  }

  #take(base64) {
    const bytes = Buffer.from(base64.latin1Slice(), 'base64');
    this.#pieces.push(bytes);
    this.#received += bytes.length;
    if (this.#received >= LINE_BYTES) this.#echoed.resolve(performance.now());
  }
}

export const echo = {
  name: 'echo',
  summary: `process/write of ${LINE_BYTES} bytes to a running cat, to the process/output that completes the echo`,
  metrics: [{ key: 'time', unit: 'ms', better: 'lower', bar: { ratio: 0.01 } }],
  rounds: { full: 6, quick: 2 },
  async open({ client }) {
    const cat = new EchoingCat(client);
    await cat.process.answer;
    return cat;
  },
  async round({ state: cat }) {
    const times = [];
    for (let i = 0; i < BATCH; i++) times.push(await cat.time());
    return { time: times };
  },
};
