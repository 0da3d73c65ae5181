/** A body of a registry request holds a name, labels and metadata. */
export const MAX_BODY_BYTES = 64 * 1024;

/** Request line and headers. Signed URLs and tokens are below 2 KiB; proxies add theirs. */
export const MAX_HEADER_BYTES = 32 * 1024;

/** A whole request must have come within this, its headers within the time of the transport's other listeners. */
export const REQUEST_TIMEOUT_MS = 15_000;

/** Requests of one subject to the registry: its fleet may come back all at once, and nobody's loop may take the node. */
export const REQUEST_BURST = 2_000;
export const REQUESTS_PER_SECOND = 200;

/** Subjects that are remembered for the rate limit; beyond it the ones that are long back at the full burst go. */
export const MAX_REMEMBERED_SUBJECTS = 10_000;

/** A signed URL for a harness, or for an executor that is asked to dial: it is dialled at once. */
export const HARNESS_TICKET_MS = 60_000;

/** A signed URL of a registration: real executors dial it again after a cut, and register anew when it is refused. */
export const EXECUTOR_TICKET_MS = 600_000;

/** How long a harness waits for the executor's end. */
export const PAIR_TIMEOUT_MS = 10_000;

/** How long a harness that takes over from itself waits for an executor with one connection: real ones are back after 1 s. */
export const FRESH_CONNECTION_TIMEOUT_MS = 5_000;

/** An executor's connection that is in somebody's way is alive if it answers within this. */
export const PROBE_TIMEOUT_MS = 2_000;

/** A control connection must have said hello within this. */
export const HELLO_TIMEOUT_MS = 10_000;

/** Harnesses of one executor at a time: each is a socket of it, and of ours. */
export const MAX_PAIRS_PER_EXECUTOR = 256;

/** What executor and rendezvous say to each other over a control connection. */
export const MAX_CONTROL_MESSAGE_BYTES = 64 * 1024;

/** An idle end that has gone without a word is noticed by TCP after this and ten further probes, one per second. */
export const TCP_KEEP_ALIVE_MS = 15_000;

/** Executors that left are listed as offline for this long, and their ids belong to their owners. */
export const RECORD_RETENTION_MS = 24 * 3_600_000;

/** Environments that one node remembers by itself. Some 0.5 kB each. */
export const MAX_RECORDS = 200_000;

/**
 * A node that has just started does not know yet whom it will know: executors come back after a backoff of up to 30 s, and
 * dial for up to 10 s. Until then nobody is called unknown, which would be final.
 */
export const RETURN_GRACE_MS = 45_000;

/** How long harnesses whose environment is not connected are asked to wait. Real executors are back after 1 s. */
export const RETRY_AFTER_MS = 1_000;

/** How long draining waits for connections to end by themselves before they are told to. */
export const DRAIN_GRACE_MS = 5_000;

/** How often a change of a record is tried again while the other nodes cannot be reached. */
export const RECORD_RETRY_MS = 2_000;
