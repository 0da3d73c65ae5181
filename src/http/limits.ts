import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';

const MIB = 1024 * 1024;

/** Largest body of a buffered answer: what fits one message as base64, with 1 MiB of room for headers and envelope. */
export const MAX_BUFFERED_BODY_BYTES = ((MAX_MESSAGE_BYTES - MIB) / 4) * 3;

/** A request body of `fetch` that announces at most this is sent in one piece instead of as a stream. */
export const COLLECTED_BODY_BYTES = MIB;
