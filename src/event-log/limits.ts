const KIB = 1024;
const MIB = 1024 * KIB;

/** Output that is kept per process for later reads. The real peers keep the same. */
export const RETAINED_BYTES_PER_PROCESS = MIB;

/** Events that are kept per process whatever their size: bounds the bookkeeping of one-byte chunks. */
export const RETAINED_EVENTS_PER_PROCESS = 50_000;

/** Output that is kept for all processes together: spawn gets slower as the memory of the server grows. */
export const RETAINED_BYTES_TOTAL = 64 * MIB;

/** A subscriber that holds back the source lets it run this far ahead; less than what a process retains, so nothing is lost. */
export const SUBSCRIBER_HIGH_WATER_BYTES = 256 * KIB;

/** The source goes on when the slowest subscriber has come this near. */
export const SUBSCRIBER_LOW_WATER_BYTES = 64 * KIB;

/** The same for events whatever their size: a flood of one-byte chunks costs memory by the event, not by the byte. */
export const SUBSCRIBER_HIGH_WATER_EVENTS = 50_000;
export const SUBSCRIBER_LOW_WATER_EVENTS = 12_500;
