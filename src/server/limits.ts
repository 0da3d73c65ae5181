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

/** Files that one session may have open at once: a client that forgets to close must not use up the server's descriptors. */
export const MAX_OPEN_FILES = 128;

/** Watches of one session. Each holds what the operating system needs for its tree, and is a task of its own. */
export const MAX_WATCHES = 128;

/**
 * A notification may have been lost with its connection if that ended within this: by then the death of the other side has
 * been noticed (a ping after 30 s, no answer for 60 s).
 */
export const CHANGES_IN_DOUBT_MS = 90_000;

/** Paths of one `fs/watchMissing`. The newest real server declines more, and its clients then look for themselves. */
export const MAX_MISSING_PATHS = 64;

/** A configuration file is written by hand; what is larger is none. */
export const MAX_CONFIG_FILE_BYTES = 4 * 1024 * 1024;

/** HTTP requests of one connection that are under way: each may hold a socket. */
export const MAX_HTTP_EXCHANGES = 4096;

/**
 * TCP streams of one connection, connected or about to be. Fewer than the calls that a client may have waiting, so that
 * connecting to what does not answer leaves room for others.
 */
export const MAX_TCP_STREAMS = 768;

/** Bytes of a request body that wait for the origin. A client that awaits the answers to its chunks stays far below. */
export const MAX_UPLOAD_QUEUE_BYTES = 8 * 1024 * 1024;
