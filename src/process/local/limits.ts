const KIB = 1024;
const MIB = 1024 * KIB;

/** Bytes taken from a child in one read: what a Linux pipe holds. */
export const READ_BYTES = 64 * KIB;

/** More than a pipe or terminal can hold: after this much, what comes was written after we began to read. */
export const KERNEL_BUFFER_BYTES = 2 * MIB;

/** A read of less than this, soon after another, may be of a child that writes in small pieces. */
export const SMALL_READ_BYTES = 16 * KIB;

/** As many of them in a row settle it. */
export const SMALL_READS = 4;

/** Output after this long without any is passed on at once: typing into a terminal never meets the pacing. */
export const QUIET_MS = 2;

/** How often the small pieces of a busy child are gathered. */
export const PACE_MS = 1;

/** A write to stdin is answered at once while less than this waits for the child, and when it has drained to this otherwise. */
export const STDIN_HIGH_WATER_BYTES = MIB;

/** More than this waiting for a child that does not read is refused: somebody has to hold it, and it is not us. */
export const STDIN_MAX_BYTES = 64 * MIB;

/** Ids of writes that are remembered per process, to drop repeats. The real peers remember as many. */
export const REMEMBERED_WRITE_IDS = 4096;

/** How long output may stay open after a killed process is gone, when somebody who escaped the kill still holds it. */
export const OUTPUT_AFTER_KILL_MS = 200;

/** Between TERM and KILL when a time-out or a shutdown ends a process. */
export const DEFAULT_GRACE_MS = 2_000;

/** How often the master of a terminal is looked at once its leader has gone: libuv cannot be trusted with the end. */
export const PTY_TAIL_POLL_MS = 10;

/** How long a full terminal input queue is left alone before the rest is tried again. */
export const PTY_WRITE_RETRY_MS = 5;

/** Fifos made by one `mkfifo`; its cost is nearly all in starting it. */
export const FIFO_BATCH = 96;

/** Processes that may run at once: every one costs descriptors and memory of ours. */
export const MAX_PROCESSES = 4096;
