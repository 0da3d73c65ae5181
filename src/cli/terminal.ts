import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { SubscriberEvent } from '../event-log/events.js';
import type { ExecProcess } from '../process/types.js';
import type { ExtensionCapability } from '../protocol/session-methods.js';

/** Exit code when it is not known how the command ended: the connection is lost for good. ssh uses the same. */
export const EXIT_UNKNOWN = 255;

/** What a stopped `exec-server run` leaves the command to end well. */
const TERMINATE_GRACE_MS = 2_000;

export interface FollowOptions {
  tty: boolean;
  capabilities: ReadonlySet<ExtensionCapability>;
}

/** Joins a process with our own terminal or pipes until it has closed. Resolves with the exit code to end with. */
export async function followProcess(child: ExecProcess, options: FollowOptions): Promise<number> {
  const release = [joinSignals(child, options), joinInput(child, options)];
  try {
    let exitCode = EXIT_UNKNOWN;
    for await (const event of child.events({ holdBack: true })) {
      if (event.type === 'exited') exitCode = event.exitCode & 0xff;
      else await show(event);
    }
    return exitCode;
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
function joinInput(child: ExecProcess, { tty, capabilities }: FollowOptions): () => void {
  const { stdin } = process;
  const raw = tty && stdin.isTTY;
  if (raw) stdin.setRawMode(true);
  void passOn(child, !tty && !capabilities.has('processCloseStdin'));
  return () => {
    if (raw) stdin.setRawMode(false);
    stdin.destroy();
  };
}

async function passOn(child: ExecProcess, endsUnheard: boolean): Promise<void> {
  try {
    for await (const chunk of process.stdin) {
      if ((await child.write(chunk as Buffer)) !== 'accepted') return;
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
    if (tty && capabilities.has('processResize')) quietly(child.resize({ cols: columns, rows }));
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
