const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Calls on the files of one directory that are in flight at once. libuv has 4 threads for everybody: a few more keep
 * them busy, many more would only let other requests queue behind one large tree.
 */
export const FILE_CONCURRENCY = 8;

/** Entries that one read of a directory fetches: 100 trips through the thread pool for 100,000 entries. */
export const DIRECTORY_BATCH_ENTRIES = 1024;

/** Bytes per read or write call, so that no large file keeps a thread of libuv to itself. */
export const TRANSFER_BYTES = 4 * MIB;

/** First guess for files that claim to be empty, as those of /proc do: most of them fit. */
export const UNKNOWN_SIZE_BYTES = 64 * KIB;

/**
 * How long a write to a fifo or a terminal waits for somebody to take its bytes. Real peers wait for ever and
 * serve nothing else meanwhile; a reader that is about to be started is there well within this.
 */
export const READER_PATIENCE_MS = 10_000;

/** Longest pause between two attempts to write to a fifo or a terminal; nothing tells us when there is room. */
export const WRITE_RETRY_MAX_MS = 25;

/**
 * What one walk returns at most, whatever it is asked for. Depth, directories and entries are those of the real peers;
 * as JSON so many entries stay below MAX_JSON_VALUES. `text`: characters of all paths and messages together, so that a
 * tree of very long paths still fits one message as URIs, in which a character may take nine.
 */
export const WALK_MAX = { depth: 64, directories: 10_000, entries: 50_000, text: 6 * MIB };

/** Symbolic links that are followed for one path: the kernel's own limit. */
export const MAX_LINKS = 40;

/** How long a resolved policy is used again, and how many are kept. */
export const POLICY_TRUSTED_MS = 1_000;
export const POLICIES_KEPT = 32;

/** Changes are gathered for this long before they are told: what an editor or a build does at once arrives at once. */
export const WATCH_COALESCE_MS = 50;

/** Paths kept while nobody asks. Beyond it the list is emptied, and the watcher is told to look at everything. */
export const WATCH_MAX_PATHS = 1_024;

/** Directories of one recursive watch. Each is a watch of the kernel and some 2 kB here. */
export const WATCH_MAX_DIRECTORIES = 32_768;

/** Names of one watch that wait to be looked at. Beyond it everything is looked at anew. */
export const WATCH_MAX_UNSEEN = 16_384;

/**
 * The kernel keeps 16,384 events (fs.inotify.max_queued_events), then drops what comes; libuv does not pass that on. So
 * many in one turn of the event loop are taken for a sign of it.
 */
export const WATCH_SUSPICIOUS_EVENTS = 8_192;

/** How often a path that is missing is looked for, besides when the system tells of a change where it should be. */
export const PRESENCE_RECHECK_MS = 5_000;
