const SECOND = 1_000;

/** The span from which the pause after a first failure is drawn; it doubles with every further one. As the real peers begin. */
export const BACKOFF_BASE_MS = SECOND;

/** The longest such span: a rendezvous that is back should not be without its executors for long. As the real peers end. */
export const BACKOFF_CAP_MS = 30 * SECOND;

/** Likewise while there are sessions: their clients give up half a minute after they were cut off. */
export const BACKOFF_CAP_IN_USE_MS = 5 * SECOND;

/** The most that a registry may ask us to wait: more is a mistake of its clock, and nobody could reach this executor meanwhile. */
export const RETRY_AFTER_CAP_MS = 300 * SECOND;

/** A connection that stood this long, or was used, was good: what failed before it counts no more. */
export const STEADY_MS = 30 * SECOND;

/** Refusals of the credentials in a row that are tried again: half a minute at most for new ones to be put in place. */
export const UNAUTHORIZED_RETRIES = 5;

/** Dials in a row that fail before we register again: the URL may be of a node that is no more, which nobody would tell us. */
export const DIALS_PER_REGISTRATION = 3;

/** Dials for harnesses that are under way at once. A rendezvous waits no longer for one than for a few. */
export const MAX_DIALS = 256;

/** Both sides of a control connection are programs of ours on an open socket: no answer within this is none. */
export const HELLO_TIMEOUT_MS = 10 * SECOND;

/** A bearer token is shorter: servers take no longer headers. */
export const MAX_TOKEN_CHARACTERS = 16 * 1024;
