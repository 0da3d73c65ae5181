const KIB = 1024;
const MIB = 1024 * KIB;

/** Longest line of a server's stdout, that is: largest message. The real clients have the same limit. */
export const MAX_MESSAGE_LINE_BYTES = 8 * MIB;

/** A longer line of stderr is handed on in pieces of this size; the real clients' limit. */
export const MAX_STDERR_LINE_BYTES = MIB;

/** Largest single write to a server's stdin. Other calls on the same connection get their turn in between. */
export const WRITE_PIECE_BYTES = MIB;

/** What a server has after the end of its input to end by itself; then comes TERM. */
export const STDIN_EOF_GRACE_MS = 2_000;

/** What it has after TERM; then comes KILL. With the grace above, nothing lives longer than 5 s. */
export const TERM_GRACE_MS = 2_000;

/** A stop that takes longer is not waited for: the connection is down, and the executor ends the process with the session. */
export const STOP_TIMEOUT_MS = 10_000;

/** How long a grandchild may hold the output of a server that has exited before its group is killed. */
export const OUTPUT_AFTER_EXIT_MS = 500;

/** Until the answer to `initialize`, unless the configuration says otherwise: `npx` may have to download first. */
export const DEFAULT_STARTUP_TIMEOUT_MS = 30_000;

/** The first restart of a server that died comes after this; every further one in a row after twice as long. */
export const RESTART_BASE_MS = 500;
export const RESTART_CAP_MS = 30_000;

/** Restarts in a row before a server is given up. */
export const MAX_RESTARTS = 5;

/** A server that was up this long starts a new row. */
export const STABLE_AFTER_MS = 60_000;

/** Longest name of a tool that model APIs take. */
export const MAX_TOOL_NAME_LENGTH = 64;

/** Between attempts to open an event stream again: 0.5 s, growing by half each time up to 15 s, for about two minutes. */
export const STREAM_RECONNECTION = {
  initialReconnectionDelay: 500,
  maxReconnectionDelay: 15_000,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 15,
} as const;

/** How often somebody who waits for a lock looks again: a file is rewritten in a millisecond or two. */
export const LOCK_POLL_MS = 20;

/** The answer to a request for new tokens. Shorter than what follows: nobody takes over the lock of one who still waits. */
export const TOKEN_REFRESH_TIMEOUT_MS = 30_000;

/** A lock that is older has been left behind, by a process that died on another machine. */
export const LOCK_ABANDONED_MS = 60_000;

/** From the printing of the URL of a login until the browser has come back. */
export const LOGIN_TIMEOUT_MS = 600_000;
