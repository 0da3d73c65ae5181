import type { SubscriberEvent } from '../../src/event-log/events.js';
import type { ExecProcess } from '../../src/process/types.js';
import { within } from '../harness/index.js';

/** All that happened to a process. */
export interface Recording {
  stdout: string;
  stderr: string;
  pty: string;
  exitCode: number | undefined;
  signal: string | null | undefined;
  /** Every event, as `output`, `exited`, `closed`; a gap or a failure would stand here too. */
  order: SubscriberEvent['type'][];
  seqs: number[];
}

/** A child that hangs shall fail its own test, not the whole file. */
const END_TIMEOUT_MS = 15_000;

/** Follows a process from its first event until it has closed. */
export async function record(process: ExecProcess): Promise<Recording> {
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[], pty: [] as Buffer[] };
  const recording: Recording = {
    stdout: '',
    stderr: '',
    pty: '',
    exitCode: undefined,
    signal: undefined,
    order: [],
    seqs: [],
  };
  const follow = async () => {
    for await (const event of process.events({ holdBack: true })) {
      recording.order.push(event.type);
      if ('seq' in event) recording.seqs.push(event.seq);
      if (event.type === 'output') chunks[event.stream].push(event.chunk);
      if (event.type === 'exited') Object.assign(recording, { exitCode: event.exitCode, signal: event.signal });
    }
  };
  await within(follow(), END_TIMEOUT_MS, `the end of ${process.info().argv.join(' ').slice(0, 200)}`);
  // latin1: one character per byte, so that nothing is hidden by decoding.
  const text = (stream: keyof typeof chunks) => Buffer.concat(chunks[stream]).toString('latin1');
  return { ...recording, stdout: text('stdout'), stderr: text('stderr'), pty: text('pty') };
}

/** Resolves with the whole output so far, of all streams, once it holds `part`. */
export async function saw(process: ExecProcess, part: string | RegExp): Promise<string> {
  let seen = '';
  const follow = async () => {
    for await (const event of process.events()) {
      if (event.type === 'output') seen += event.chunk.toString('latin1');
      if (typeof part === 'string' ? seen.includes(part) : part.test(seen)) return seen;
    }
    throw new Error(`closed without the output ${part}`);
  };
  return within(follow(), END_TIMEOUT_MS, `the output ${part}`).catch((error: Error) => {
    throw new Error(`${error.message}; it printed ${JSON.stringify(seen)}`, { cause: error });
  });
}

/** Resolves when an event of this type has happened. */
export async function happened(process: ExecProcess, type: 'exited' | 'closed'): Promise<void> {
  const follow = async () => {
    for await (const event of process.events()) if (event.type === type) return;
    throw new Error(`ended without ${type}`);
  };
  await within(follow(), END_TIMEOUT_MS, `the event ${type}`);
}
