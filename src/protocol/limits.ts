const MIB = 1024 * 1024;

/** Largest message, in bytes of UTF-8, that is read or written. Real peers drop the connection above this. */
export const MAX_MESSAGE_BYTES = 64 * MIB;

/** Largest single WebSocket frame that is read. Real peers drop the connection above this; a sender fragments instead. */
export const MAX_FRAME_BYTES = 16 * MIB;

/** We fragment what we send at this size: half of what the strictest peer accepts, so its headers never tip it over. */
export const OUTGOING_FRAGMENT_BYTES = 8 * MIB;

/** JSON values (objects, arrays, strings, numbers, literals) in one message: bounds what decoding may allocate. */
export const MAX_JSON_VALUES = 262_144;

/** Nesting of arrays and objects in one message. Real peers stop here too. */
export const MAX_JSON_DEPTH = 127;

/** `fs/readFile` answers at most this much in one message; larger files are read in blocks. Real peers stop here too. */
export const MAX_READ_FILE_BYTES = 512 * MIB;
