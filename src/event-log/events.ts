import type { OutputStream } from '../protocol/process-methods.js';

/** What happened to a process. `seq` counts output, exited and closed together, from 1, without gaps. */
export type ProcessEvent =
  | { type: 'output'; seq: number; stream: OutputStream; chunk: Buffer }
  /** The leader has ended; a grandchild may still hold its output open. `exitCode` is 128 + n for a child ended by signal n. */
  | { type: 'exited'; seq: number; exitCode: number; signal: string | null; sandboxDenied: boolean }
  /** The last event: it has exited and its output has ended. */
  | { type: 'closed'; seq: number };

/** What a subscriber is given. */
export type SubscriberEvent =
  | ProcessEvent
  /** The events `fromSeq` to `toSeq` are gone: retention dropped them before this subscriber took them. */
  | { type: 'gap'; fromSeq: number; toSeq: number }
  /** The process can no longer be followed, and what became of it is not known. Ends the subscription, like `closed`. */
  | { type: 'failed'; error: Error };

export interface ReadOptions {
  /** Only events after this seq. Default 0: all that are retained. */
  afterSeq?: number | undefined;
  /** Stop before the chunk that would exceed this; at least one chunk is given. */
  maxBytes?: number | undefined;
  /** Wait this long for something new, when there is nothing. */
  waitMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface ReadResult {
  chunks: { seq: number; stream: OutputStream; chunk: Buffer }[];
  /** Read on with `afterSeq: nextSeq - 1`. */
  nextSeq: number;
  exited: boolean;
  exitCode: number | null;
  signal: string | null;
  sandboxDenied: boolean;
  closed: boolean;
  /** Why the process can no longer be followed. */
  failure: string | null;
  /** Seqs after `afterSeq` that retention has dropped. */
  lost: { fromSeq: number; toSeq: number } | null;
  exitedSeq: number | null;
  closedSeq: number | null;
}
