/** A connection must be there within this: a lost SYN has been sent again three times by then. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** A connection without traffic is asked this often whether its far end is alive: one that died silently must not be held for ever. */
export const KEEP_ALIVE_MS = 60_000;

/** Node's timers hold no more; a longer time-out is none. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
