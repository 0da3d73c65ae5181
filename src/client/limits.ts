const KIB = 1024;
const MIB = 1024 * KIB;

/** `initialize` must be answered within this. A resume may first have to wait for a dead connection to be noticed. */
export const INITIALIZE_TIMEOUT_MS = 10_000;

/** A cut connection is re-established within this, or given up: what the real clients waited at first, and well below a server's TTL. */
export const RECOVERY_DEADLINE_MS = 25_000;

/** Before the second attempt to reconnect a random part of this is waited, before each further one of twice as much. */
export const BACKOFF_BASE_MS = 100;

/** The most that is waited between two attempts: a server that is back should not stand idle for long. */
export const BACKOFF_CAP_MS = 2_000;

/** A registry that asks for more patience than this before the next attempt is asked sooner: sessions do not wait for ever. */
export const RETRY_AFTER_CAP_MS = 10_000;

/** A registry must say where to dial within this: as the real clients. */
export const REGISTRY_TIMEOUT_MS = 10_000;

/** A signed URL must be open within this: the rendezvous waits 10 s for the executor, and then says so. */
export const RENDEZVOUS_TIMEOUT_MS = 15_000;

/** Events of one process that may wait for an earlier one. Real peers bound theirs alike. */
export const REORDER_MAX_EVENTS = 256;
export const REORDER_MAX_BYTES = MIB;

/** How long a missing event may stay out before the server is asked for it. Real peers deliver late by milliseconds. */
export const GAP_PATIENCE_MS = 1_000;

/** After this many questions that brought nothing, a missing event is declared lost. */
export const FRUITLESS_REPAIRS = 3;

/** Catching up with one process after a cut must be answered within this, or the attempt starts over. */
export const CATCH_UP_TIMEOUT_MS = 20_000;

/** Processes that are caught up at once: each answer may be over a megabyte, and the link slow. */
export const CATCH_UP_CONCURRENCY = 4;

/** Reads of one process in a row before its catching up is left to its notifications; it is chatty, not stuck. */
export const CATCH_UP_READS = 32;

/** How far a reader that holds back may fall behind before reading from the connection is paused, and when it goes on. */
export const HELD_HIGH_WATER_BYTES = 8 * MIB;
export const HELD_LOW_WATER_BYTES = 4 * MIB;

/** What is held for such a reader at most. Beyond it the oldest is dropped, and the reader sees a gap. */
export const HELD_MAX_BYTES = 32 * MIB;

/** Longest pause of reading in a row: below every keep-alive deadline, so that a slow reader is not taken for a dead one. */
export const MAX_PAUSE_MS = 10_000;

/** A call whose connection ends within this of its sending, this often in a row, is given up: perhaps it is the reason. */
export const SUSPICIOUS_MS = 1_000;
export const MAX_SUSPICIONS = 16;

/** Largest chunk of one write to stdin: fits into one message as base64 with room to spare. */
export const MAX_WRITE_BYTES = 32 * MIB;

/** How long `close({ terminateProcesses: true })` waits for the processes to end. */
export const TERMINATE_ON_CLOSE_MS = 5_000;

/** After a cut in the middle of a start, how often a server that is still at it is asked again. */
export const STILL_STARTING_POLL_MS = 100;

/** A server that has not finished a start by then, counted from the reconnection, never will. */
export const STILL_STARTING_MS = 5_000;

/** What a walk is limited to unless told otherwise: real servers want every limit, and these are what their clients send at most. */
export const WALK_DEFAULTS = {
  maxDepth: 64,
  maxDirectories: 10_000,
  maxEntries: 50_000,
  followDirectorySymlinks: false,
};

/** Bytes of a body that a server may send ahead of its reader: a window that fills 20 MB/s over 100 ms. */
export const BODY_CREDIT_BYTES = 2 * MIB;

/** Room for more is told in steps of this: rarely enough to cost nothing, often enough that the window never runs dry. */
export const BODY_CREDIT_STEP_BYTES = 512 * KIB;

/** What is held of one body for a slow reader where the server knows no credit. Beyond it the body fails. */
export const BODY_HELD_MAX_BYTES = 32 * MIB;

/** Chunks of a request body, and how many may wait to be acknowledged: a megabyte, which the server keeps for the origin. */
export const UPLOAD_CHUNK_BYTES = 256 * KIB;
export const UPLOAD_CHUNKS_IN_FLIGHT = 4;

/** How much later than its deadline a request is given up here: the server's own word says where it was stuck. */
export const HTTP_ANSWER_GRACE_MS = 2_000;

/** How much later than its deadline a TCP connection is given up here: the server's own word says what was missed. */
export const TCP_ANSWER_GRACE_MS = 2_000;

/** A request that may be repeated goes out this often; when each time the connection was cut, it may be the reason. */
export const MAX_HTTP_ATTEMPTS = 8;

/** Node's timers hold no more; a longer time-out is none. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
