const KIB = 1024;

/** Bytes of one stream and direction that may be on the way to a reader that stands still: fills 10 MB/s over 100 ms. */
export const STREAM_CREDIT_BYTES = 1024 * KIB;

/** Room for more is told in steps of this: rarely enough to cost nothing, often enough that the window never runs dry. */
export const STREAM_CREDIT_STEP_BYTES = 256 * KIB;

/** Largest piece that is sent: a socket gives 64 KiB at once, and what is larger would let others on the channel wait. */
export const MAX_STREAM_PIECE_BYTES = 256 * KIB;
