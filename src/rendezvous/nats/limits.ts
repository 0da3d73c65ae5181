/** Of one message of a stream: others pass in between, and larger ones are no faster. NATS itself takes 1 MiB by default. */
export const MAX_STREAM_MESSAGE_BYTES = 32 * 1024;

/**
 * What may be under way on one stream in one direction. Two nodes 2 ms apart get 250 MiB/s from it. nats-server cuts a
 * client off for which it holds 64 MiB, so a node may stall with 128 streams under full load before that.
 */
export const STREAM_WINDOW_BYTES = 512 * 1024;

/** What a message costs of the window beyond its bytes: without it, a window of tiny ones would be a lot of memory. */
export const STREAM_MESSAGE_OVERHEAD_BYTES = 64;

/** How often each end of a stream says that it is there, and how far it is. */
export const STREAM_HEARTBEAT_MS = 5_000;

/** An end that has not been heard for that many of our own heartbeats is dead: 15 s. Counted, so that a stall of ours is none of theirs. */
export const STREAM_SILENT_HEARTBEATS = 3;

/** How often a node says that it is there. */
export const NODE_HEARTBEAT_MS = 2_000;

/** A node that has not been heard for that many of our own heartbeats is dead: 10 s. */
export const NODE_SILENT_HEARTBEATS = 5;

/** How long a node that starts waits for the others to say that they are there. They do at once when a new one is heard. */
export const NODE_SETTLE_MS = 250;

/** Of a question to another node. An executor may be probed first, which takes 2 s, and a harness waits 10 s. */
export const PAIR_REQUEST_TIMEOUT_MS = 12_000;

/** Of a question to the store. */
export const STORE_TIMEOUT_MS = 3_000;

/** Of the first connection; then it is tried for ever. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** A lost NATS connection is tried again after a random time between these: many nodes lose it at the same moment. */
export const RECONNECT_MIN_MS = 100;
export const RECONNECT_MAX_MS = 2_000;

/** Finds a NATS connection that is dead without a word within 30 s. */
export const PING_INTERVAL_MS = 10_000;
export const MAX_UNANSWERED_PINGS = 2;

/** Executors that left are shown as offline for that long. */
export const RECORD_TTL_MS = 24 * 60 * 60 * 1000;

/** Records of connected executors are put again that often, so that the store does not drop them. */
export const RESTORE_INTERVAL_MS = 6 * 60 * 60 * 1000;

/** What failed to be put again is tried again after a random part of this. */
export const RESTORE_RETRY_MS = 2_000;

/** Used tickets are remembered that long; none is good for longer. */
export const CLAIM_TTL_MS = 15 * 60 * 1000;

/** How often the holder of an executor asks the harnesses' nodes which of its pairs have ended: their word may get lost. */
export const PAIR_SWEEP_MS = 30_000;

/** Pairs that one such question names: 40 bytes each, far below what NATS takes. */
export const MAX_SWEPT_PAIRS = 4_096;
