const KIB = 1024;
const MIB = 1024 * KIB;

// Where no other reason is given, a value is that of Codex's unified exec, which the models were trained on.

/** A call yields after this at the earliest, unless the process has ended: less would show a prompt without its answer. */
export const MIN_YIELD_TIME_MS = 250;

/** A call yields after this at the latest: a model that waits longer is not thinking. */
export const MAX_YIELD_TIME_MS = 30_000;

/** For a command that starts: most are done by then. */
export const DEFAULT_EXEC_YIELD_TIME_MS = 10_000;

/** After typing something: an answer comes soon, or has to be polled for. */
export const DEFAULT_WRITE_YIELD_TIME_MS = 250;

/** A call that only polls waits at least this long: each one costs the model a turn. */
export const MIN_POLL_YIELD_TIME_MS = 5_000;

/** And at most this long, for builds and test runs. */
export const MAX_POLL_YIELD_TIME_MS = 300_000;

/** Tokens of output in one result, unless the model asks for less. */
export const DEFAULT_MAX_OUTPUT_TOKENS = 10_000;

/** A token is taken to be this many bytes; counting real ones would take the model's own tokenizer. */
export const BYTES_PER_TOKEN = 4;

/** Output that is kept between two calls, half of it from the beginning, half from the end. */
export const OUTPUT_MAX_BYTES = MIB;

/** Processes of one agent that are kept at most; beyond it the least recently used one is ended. */
export const MAX_PROCESSES = 64;

/** From this many on the model is warned. */
export const WARNING_PROCESSES = 60;

/** The most recently used ones are never ended to make room. */
export const PROTECTED_PROCESSES = 8;

/**
 * How long the output of a process that has exited may be silent before it is taken to be held open by a process that it
 * started. Codex waits 50 ms here and 100 ms there; the longer one, as the end of the output may have a network to cross.
 */
export const POST_EXIT_QUIET_MS = 100;

/** Session ids that models see: `FIRST_SESSION_ID` to `LAST_SESSION_ID`. Random, so that a wrong guess hits nothing. */
export const FIRST_SESSION_ID = 1_000;
export const LAST_SESSION_ID = 99_999;

/** Of how many ended sessions it is remembered how they ended, for a model that still asks for them. */
export const REMEMBERED_ENDS = 1_000;

/** Lines that read_file gives unless it is asked for fewer or more: a whole source file, as a rule. */
export const DEFAULT_READ_LINES = 2_000;

/** Characters of one line that read_file shows: the rest of longer ones is data, or was written by a program. */
export const SHOWN_LINE_CHARACTERS = 2_000;

/** Entries that list_directory gives, unless it is asked for fewer, or for more up to the maximum. */
export const DEFAULT_LISTED_ENTRIES = 500;
export const MAX_LISTED_ENTRIES = 5_000;

/** How deep list_directory goes at most. */
export const MAX_LISTED_DEPTH = 32;
