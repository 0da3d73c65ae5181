import type { Subscription } from '../event-log/subscription.js';
import type { OutputStream } from '../protocol/process-methods.js';
import type { ExecProcess, TerminateOptions } from './types.js';

/** How a process ended. */
export interface ProcessEnd {
  /** Null: not known, because the exit was among the events that were lost. Never made up. */
  exitCode: number | null;
  /** The signal that ended it, such as SIGTERM, where the server tells it. */
  signal: string | null;
}

export interface ProcessText extends ProcessEnd {
  stdout: string;
  stderr: string;
  /** What came from its terminal. */
  pty: string;
  /** Some output is missing: it had been dropped before it could be read, or it exceeded `maxBytes`. */
  incomplete: boolean;
}

export interface WaitOptions {
  /** Stops the waiting, not the process. */
  signal?: AbortSignal | undefined;
}

/** More output than this is not gathered in memory unless asked for. */
export const TEXT_MAX_BYTES = 64 * 1024 * 1024;

/** Resolves when the process has closed: it has exited and its output has ended. Rejects when it can no longer be followed. */
export async function wait(process: ExecProcess, options: WaitOptions = {}): Promise<ProcessEnd> {
  options.signal?.throwIfAborted();
  // Only the end is of interest: a subscription from now on does not go through what was said before.
  const events = process.events({ afterSeq: Math.max(0, process.info().nextSeq - 1) });
  const { closed } = process.info();
  if (closed) events.close();
  else await follow(events, options.signal, () => undefined);
  const { exitCode, signal } = process.info();
  return { exitCode, signal };
}

/** Gathers the whole output of a process, and resolves when it has closed. Rejects when it can no longer be followed. */
export async function text(
  process: ExecProcess,
  options: WaitOptions & { maxBytes?: number | undefined } = {},
): Promise<ProcessText> {
  options.signal?.throwIfAborted();
  let room = options.maxBytes ?? TEXT_MAX_BYTES;
  let incomplete = false;
  const chunks: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [], pty: [] };
  await follow(process.events({ holdBack: true }), options.signal, (event) => {
    if (event.type === 'gap') incomplete = true;
    if (event.type !== 'output') return;
    if (event.chunk.length > room) incomplete = true;
    if (room > 0) chunks[event.stream].push(event.chunk.subarray(0, room));
    room = Math.max(0, room - event.chunk.length);
  });
  const { exitCode, signal } = process.info();
  const decode = (stream: OutputStream) => Buffer.concat(chunks[stream]).toString('utf8');
  return { stdout: decode('stdout'), stderr: decode('stderr'), pty: decode('pty'), exitCode, signal, incomplete };
}

/** Terminates a process and waits for its end. */
export async function kill(process: ExecProcess, options: TerminateOptions & WaitOptions = {}): Promise<ProcessEnd> {
  await process.terminate({ graceMs: options.graceMs });
  return wait(process, options);
}

async function follow(
  events: Subscription,
  signal: AbortSignal | undefined,
  onEvent: (event: Exclude<Awaited<ReturnType<Subscription['next']>>['value'], undefined>) => void,
): Promise<void> {
  const onAbort = () => events.close();
  signal?.addEventListener('abort', onAbort);
  try {
    for await (const event of events) {
      if (event.type === 'failed') throw event.error;
      onEvent(event);
    }
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', onAbort);
    events.close();
  }
}
