import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { SubscriberEvent } from '../event-log/events.js';
import type { ExecProcess } from '../process/types.js';
import type { ExtensionCapability } from '../protocol/session-methods.js';

/** Exit code when it is not known how the command ended: the connection is lost for good. ssh uses the same. */
export const EXIT_UNKNOWN = 255;

/** What a stopped `exec-server run` leaves the command to end well. */
const TERMINATE_GRACE_MS = 2_000;

/** Ctrl-]: what telnet and others leave with, and hardly a program wants for itself. */
const DETACH_KEY = 0x1d;

export interface FollowOptions {
  tty: boolean;
  /** What the server announces. */
  capabilities: Readonly<Partial<Record<ExtensionCapability, unknown>>>;
  /** Ctrl-] on a terminal leaves the command running. */
  detachable?: boolean;
}

/**
 * Joins a process with our own terminal or pipes until it has closed, or its user has left it. Resolves with the exit
 * code to end with.
 */
export async function followProcess(child: ExecProcess, options: FollowOptions): Promise<number | 'detached'> {
  const events = child.events({ holdBack: true });
  let detached = false;
  const onDetach = () => {
    detached = true;
    events.close();
  };
  const release = [joinSignals(child, options), joinInput(child, options, onDetach)];
  try {
    let exitCode = EXIT_UNKNOWN;
    for await (const event of events) {
      if (event.type === 'exited') exitCode = event.exitCode & 0xff;
      else await show(event);
    }
    return detached ? 'detached' : exitCode;
  } finally {
    for (const undo of release) undo();
  }
}

async function show(event: SubscriberEvent): Promise<void> {
  switch (event.type) {
    case 'output':
      return write(event.stream === 'stderr' ? process.stderr : process.stdout, event.chunk);
    case 'gap':
      return write(process.stderr, `exec-server: output is missing here (events ${event.fromSeq} to ${event.toSeq})\n`);
    case 'failed':
      return write(process.stderr, `exec-server: the command can no longer be followed: ${event.error.message}\n`);
    case 'exited':
    case 'closed':
      return;
  }
}

/** Our reader's pace becomes the command's. */
async function write(to: Writable, data: Buffer | string): Promise<void> {
  if (to.destroyed || to.write(data)) return;
  const gone = () => undefined; // a reader that has gone has its own listener
  await Promise.race([once(to, 'drain').catch(gone), once(to, 'close').catch(gone)]);
}

/** What is typed or piped into us goes to the command, and so does its end. */
function joinInput(
  child: ExecProcess,
  { tty, capabilities, detachable = false }: FollowOptions,
  onDetach: () => void,
): () => void {
  const { stdin } = process;
  const raw = tty && stdin.isTTY;
  if (raw) stdin.setRawMode(true);
  const input = raw && detachable ? untilDetachKey(stdin, onDetach) : stdin;
  void passOn(child, input, !tty && capabilities.processCloseStdin !== true);
  return () => {
    if (raw) stdin.setRawMode(false);
    stdin.destroy();
  };
}

/** What comes before the detach key. It never ends: leaving is no end of input. */
async function* untilDetachKey(input: AsyncIterable<Buffer>, onDetach: () => void): AsyncGenerator<Buffer> {
  for await (const chunk of input) {
    const at = chunk.indexOf(DETACH_KEY);
    yield at < 0 ? chunk : chunk.subarray(0, at);
    if (at >= 0) {
      onDetach();
      await new Promise(() => undefined);
    }
  }
}

async function passOn(child: ExecProcess, input: AsyncIterable<Buffer>, endsUnheard: boolean): Promise<void> {
  try {
    for await (const chunk of input) {
      if ((await child.write(chunk)) !== 'accepted') return;
    }
    if (endsUnheard) process.stderr.write('exec-server: this server cannot pass on the end of input\n');
    else await child.closeStdin();
  } catch (error) {
    // The command has ended, or cannot be reached: its events tell. Anything else is news.
    if (!process.stdin.destroyed && child.info().running) {
      process.stderr.write(
        `exec-server: input is no longer passed on: ${error instanceof Error ? error.message : error}\n`,
      );
    }
  }
}

/** Signals that we get are for the command; on a terminal in raw mode Ctrl-C is input like any other. */
function joinSignals(child: ExecProcess, { tty, capabilities }: FollowOptions): () => void {
  const quietly = (what: Promise<unknown>) => void what.catch(() => undefined); // an ended command needs no signal
  let interrupts = 0;
  const onInterrupt = () => quietly(++interrupts === 1 ? child.signal('interrupt') : child.terminate());
  const onTerminate = () => quietly(child.terminate({ graceMs: TERMINATE_GRACE_MS }));
  const onResize = () => {
    const { columns, rows } = process.stdout;
    if (tty && capabilities.processResize === true) quietly(child.resize({ cols: columns, rows }));
  };
  // Whoever read our output has gone: the command gets what it would get from a closed pipe.
  const onBrokenPipe = () => quietly(child.terminate());
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate).on('SIGHUP', onTerminate);
  process.stdout.on('resize', onResize).on('error', onBrokenPipe);
  return () => {
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate).off('SIGHUP', onTerminate);
    process.stdout.off('resize', onResize);
  };
}
