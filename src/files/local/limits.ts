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
