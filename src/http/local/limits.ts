/** Redirects that are followed before it is called a loop; the real peers stop here too. */
export const MAX_REDIRECTS = 10;

/** Bytes of headers of an answer: origins behind a few proxies send more than the 16 KiB that Node allows by itself. */
export const MAX_RESPONSE_HEADER_BYTES = 256 * 1024;

/** A kept connection that nobody used for this long is closed; origins that close earlier say so with `keep-alive`. */
export const IDLE_CONNECTION_MS = 30_000;

/** Kept connections per origin: more than a burst leaves behind would only hold descriptors. */
export const MAX_IDLE_CONNECTIONS = 64;

/** Longest that a proxy may take to open a tunnel: beyond it, nobody waits for the socket any more. */
export const TUNNEL_TIMEOUT_MS = 60_000;

/** Bytes of a proxy's answer to CONNECT or of a SOCKS handshake. */
export const MAX_TUNNEL_ANSWER_BYTES = 16 * 1024;

/** Body of a redirect that is read to its end to keep the connection; a larger one costs more than a new connection. */
export const MAX_DISCARDED_BODY_BYTES = 64 * 1024;

/** Longest that following a redirect waits for that body: it nearly always came together with the headers. */
export const DISCARD_MS = 50;

/** Node's timers hold no more; a longer time-out is none. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
