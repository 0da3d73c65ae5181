import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';

/**
 * Bytes that a stream asks for, or sends, at once. Half of what a block may have: as base64, as JSON and as a frame each is
 * there several times over, and the garbage of whole blocks took client and server to 200 MB at full speed.
 */
export const STREAM_BLOCK_BYTES = 512 * 1024;

/** Blocks of a stream that are on the way at once: a link of 50 ms carries up to 60 MB/s. */
export const BLOCKS_AHEAD = 6;

/** What servers without open files read and write: what fits one message as base64, with room for the envelope. */
export const WHOLE_FILE_MAX_BYTES = ((MAX_MESSAGE_BYTES - 64 * 1024) / 4) * 3;

/** A transfer of a file up to this is one read and one write; only larger ones are worth taking up again. */
export const WHOLE_TRANSFER_MAX_BYTES = 4 * 1024 * 1024;

/** Files of a tree that are transferred at once: most of the time of a small one is waiting for answers. */
export const TRANSFERS_AT_ONCE = 4;
