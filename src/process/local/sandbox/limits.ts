const KIB = 1024;

/** What bubblewrap needs is 10 ms; on a machine that is overloaded this much is surely a hang, such as a dead network mount. */
export const SETUP_TIMEOUT_MS = 20_000;

/** bubblewrap takes 9000 arguments; some are for other things than mounts. */
export const MAX_MOUNT_ARGUMENTS = 8_900;

/** Names that are looked at for what deny patterns match: about a second. A start that needs more is refused. */
export const MAX_GLOB_VISITS = 100_000;

/** The end of a sandboxed program's output that is searched for signs of a denial. */
export const DENIAL_TAIL_BYTES = 64 * KIB;
