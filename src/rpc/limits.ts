/** Requests being worked on may hold this many bytes of text per connection; beyond it we stop reading from that connection. */
export const MAX_INBOUND_BYTES = 128 * 1024 * 1024;

/** Answers and events queued for a connection; beyond it we stop reading requests from it until half has drained. */
export const MAX_OUTBOUND_BYTES = 128 * 1024 * 1024;

/** Calls in flight per connection. Real clients stop at the same number. */
export const MAX_PENDING_CALLS = 1024;

/** Places beyond MAX_PENDING_CALLS for calls that free resources, such as process/terminate. */
export const RESERVED_PENDING_CALLS = 64;

/** Calls that gave up and are remembered, so that a late answer is known for what it is. */
export const MAX_ABANDONED_CALLS = 10_000;
