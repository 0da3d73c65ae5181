import type { ProcessEvent } from '../event-log/events.js';
import { internalError } from '../protocol/errors.js';
import type { ParamsInput, ResultOf } from '../protocol/methods.js';
import { CATCH_UP_READS } from './limits.js';
import { decodeChunk } from './process-events.js';

export type ReadAnswer = ResultOf<'process/read'>;
export type ReadProcess = (params: ParamsInput<'process/read'>) => Promise<ReadAnswer>;

/** What a server still has of a process after some seq. */
export interface Retained {
  /** In the order of their seqs. */
  output: Extract<ProcessEvent, { type: 'output' }>[];
  /** The seq that the next event will have, exited and closed counted. */
  nextSeq: number;
  /** Undefined: still running. `seq` only where the server tells it. */
  exited:
    | { exitCode: number | null; signal: string | null; sandboxDenied: boolean; seq: number | undefined }
    | undefined;
  closed: { seq: number | undefined } | undefined;
  failure: string | undefined;
}

/** What to do to a log, in order. */
export type CatchUpStep = ProcessEvent | { type: 'gap'; fromSeq: number; toSeq: number };

/**
 * Asks for all that is retained after `afterSeq`. One question, but for 0.129: when it has chunks to give, its `nextSeq`
 * does not count the exited and closed that follow them; only an answer without chunks tells the true one.
 */
export async function readRetained(read: ReadProcess, processId: string, afterSeq: number): Promise<Retained> {
  const ask = (after: number) => read({ processId, afterSeq: after, maxBytes: null, waitMs: 0 });
  let answer = await ask(afterSeq);
  const output = readOutput(answer);
  for (let reads = 1; isCountUncertain(answer) && reads < CATCH_UP_READS; reads++) {
    answer = await ask(answer.nextSeq - 1);
    output.push(...readOutput(answer));
  }
  return {
    output,
    nextSeq: answer.nextSeq,
    exited: answer.exited
      ? {
          exitCode: answer.exitCode,
          signal: answer.signal ?? null,
          sandboxDenied: answer.sandboxDenied === true,
          seq: answer.exitedSeq ?? undefined,
        }
      : undefined,
    closed: answer.closed ? { seq: answer.closedSeq ?? undefined } : undefined,
    failure: answer.failure ?? undefined,
  };
}

function isCountUncertain(answer: ReadAnswer): boolean {
  return answer.exited && answer.exitedSeq == null && answer.chunks.at(-1)?.seq === answer.nextSeq - 1;
}

function readOutput({ chunks }: ReadAnswer): Retained['output'] {
  return chunks.map(({ seq, stream, chunk }) => {
    const bytes = decodeChunk(chunk);
    if (!bytes) throw internalError('internal', 'the server answered process/read with a chunk that is not base64');
    return { type: 'output', seq, stream, chunk: bytes };
  });
}

/**
 * Accounts for every seq after `afterSeq` that the server has counted: output, exited and closed where they belong, and
 * gaps for what retention has dropped. `held`: events that came as notifications meanwhile; `exitKnown`: the log has the
 * exit already.
 *
 * Real servers do not say which seqs exited and closed have. Closed is the last of all. Exited is a seq that no chunk
 * has; retention drops from the front, so a hole behind retained chunks can be nothing else, and the highest hole is the
 * best guess when there is none. The guess can only be wrong within a range that is lost anyway.
 */
export function accountFor(
  afterSeq: number,
  retained: Retained,
  held: Iterable<ProcessEvent>,
  exitKnown: boolean,
): CatchUpStep[] {
  const { nextSeq, exited, closed } = retained;
  const events = new Map<number, ProcessEvent>();
  const place = (event: ProcessEvent) => {
    if (event.seq > afterSeq && event.seq < nextSeq && !events.has(event.seq)) events.set(event.seq, event);
  };
  for (const event of retained.output) place(event);
  let exitPlaced = exitKnown;
  for (const event of held) {
    place(event);
    if (event.type === 'exited') exitPlaced = true;
  }
  if (closed) place({ type: 'closed', seq: closed.seq ?? nextSeq - 1 });
  // An exit without a code is one that the server does not know itself; it stays a gap rather than a made-up code.
  if (exited && !exitPlaced && exited.exitCode !== null) {
    const { exitCode, signal, sandboxDenied } = exited;
    place({ type: 'exited', seq: exited.seq ?? highestHole(events, nextSeq), exitCode, signal, sandboxDenied });
  }

  const steps: CatchUpStep[] = [];
  let next = afterSeq + 1;
  for (const event of [...events.values()].sort((a, b) => a.seq - b.seq)) {
    if (event.seq > next) steps.push({ type: 'gap', fromSeq: next, toSeq: event.seq - 1 });
    steps.push(event);
    next = event.seq + 1;
  }
  if (next < nextSeq) steps.push({ type: 'gap', fromSeq: next, toSeq: nextSeq - 1 });
  return steps;
}

function highestHole(events: ReadonlyMap<number, ProcessEvent>, nextSeq: number): number {
  let seq = nextSeq - 1;
  while (events.has(seq)) seq--;
  return seq;
}
