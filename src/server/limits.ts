/** A session without a connection is kept this long. The newest real server keeps it as long. */
export const SESSION_TTL_MS = 80_000;

/** A closed process can be read this long, counted from `closed`. The newest real server keeps it as long. */
export const PROCESS_RETENTION_MS = 80_000;

/** A connection must have sent `initialize` within this. */
export const INITIALIZE_TIMEOUT_MS = 10_000;

/** What a connection may send in one message before it has initialized. */
export const MAX_MESSAGE_BYTES_BEFORE_INITIALIZE = 1024 * 1024;

/** A connection that still holds a wanted session is alive if it answers a ping within this. */
export const TAKEOVER_PROBE_MS = 1_000;

/** Sessions that may exist at once, attached or not. */
export const MAX_SESSIONS = 10_000;

/** How long closing a server may wait for its processes to end: the grace period of local ones, twice and a bit. */
export const CLOSE_TIMEOUT_MS = 5_000;
