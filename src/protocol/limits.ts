const MIB = 1024 * 1024;

/** Largest message, in bytes of UTF-8, that is read or written. Real peers drop the connection above this. */
export const MAX_MESSAGE_BYTES = 64 * MIB;

/** Largest single WebSocket frame that is read. Real peers drop the connection above this; a sender fragments instead. */
export const MAX_FRAME_BYTES = 16 * MIB;

/** We fragment what we send at this size: half of what the strictest peer accepts, so its headers never tip it over. */
export const OUTGOING_FRAGMENT_BYTES = 8 * MIB;

/** JSON values (objects, arrays, strings, numbers, literals) in one message: bounds what decoding may allocate. */
export const MAX_JSON_VALUES = 262_144;

/** The same in what a client reads of the server that it chose: a directory of 100,000 entries is 400,000 values. */
export const MAX_ANSWER_JSON_VALUES = 4 * 1024 * 1024;

/** Nesting of arrays and objects in one message. Real peers stop here too. */
export const MAX_JSON_DEPTH = 127;

/** `fs/readFile` answers at most this much in one message; larger files are read in blocks. Real peers stop here too. */
export const MAX_READ_FILE_BYTES = 512 * MIB;

/** `fs/readBlock` and `fs/writeBlock` carry 1 to this many bytes. Real peers refuse more. */
export const MAX_BLOCK_BYTES = MIB;

/** Operations in one `fs/batch`: a large patch, and no more than a few megabytes of paths. */
export const MAX_BATCH_OPERATIONS = 1024;

/** Paths in one `fs/changed`; when more have changed, looking at everything costs less than being told each. */
export const MAX_CHANGED_PATHS = 1024;

/** Bytes of one http/request/bodyDelta or bodyChunk: the newest real peers refuse larger ones. */
export const MAX_BODY_DELTA_BYTES = MIB;
