/** How often an open WebSocket is pinged: below the 60 s at which common proxies cut idle connections. */
export const PING_INTERVAL_MS = 30_000;

/** Without any sign of life for this long after an unanswered ping, the connection is dead. Real peers use the same. */
export const DEAD_AFTER_MS = 60_000;

/** A keep-alive timer this late means our own loop was busy: nobody is declared dead on that evidence. */
export const OVERLOADED_LOOP_MS = 5_000;

/** How long a closing connection may take to flush and shake hands before its socket is destroyed. */
export const CLOSE_TIMEOUT_MS = 1_000;

/** A dialled WebSocket must be open within this. 3 s proved too short on busy hosts. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** Of an answer that refuses a WebSocket this much is read, for what it says of why. */
export const MAX_REFUSAL_BYTES = 4_096;

/** Above this many queued outgoing bytes a channel asks its producers to pause; enough to keep a fast link busy. */
export const HIGH_WATER_BYTES = 512 * 1024;

/** Headers, body and idle time of one HTTP request to a listener. Only health checks and upgrades are expected. */
export const HTTP_HEADERS_TIMEOUT_MS = 10_000;

/** How long a spawned program may take to end by itself once its stdin has ended: a server ends its own children first. */
export const PROGRAM_EXIT_GRACE_MS = 5_000;

/** Between TERM and KILL for a spawned program that did not end with its stdin. */
export const PROGRAM_TERM_GRACE_MS = 2_000;

/** When a spawned program's stdout ends by surprise, its exit code and the rest of its stderr get this long to arrive. */
export const LAST_WORDS_MS = 500;

/** How much of the end of a spawned program's stderr is quoted in the reason, in characters. */
export const LAST_WORDS_LENGTH = 2_000;

/** Messages up to here are gathered and written together; larger ones cost more to copy than a system call saves. */
export const SMALL_MESSAGE_BYTES = 16 * 1024;
