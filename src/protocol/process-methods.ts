import { z } from 'zod';
import { base64Text, optional, sandboxContext, unsigned, wirePath } from './fields.js';

/** Rows and columns of a terminal, in character cells. */
export const terminalSize = z.object({
  cols: z.number().int().min(1).max(65_535),
  rows: z.number().int().min(1).max(65_535),
});
export type TerminalSize = z.infer<typeof terminalSize>;

/** How the child's environment is made from the server's own. All five fields are required on the wire. */
export const environmentPolicy = z.object({
  inherit: z.enum(['core', 'all', 'none']),
  ignoreDefaultExcludes: z.boolean(),
  exclude: z.array(z.string()),
  set: z.record(z.string(), z.string()),
  includeOnly: z.array(z.string()),
});
export type EnvironmentPolicy = z.infer<typeof environmentPolicy>;

// The order of the fields is that of the real peers' structs: params may come as a positional array.
export const processStartParams = z.object({
  processId: z.string(),
  argv: z.array(z.string()).min(1, 'argv must not be empty'),
  cwd: wirePath,
  envPolicy: optional(environmentPolicy),
  env: z.record(z.string(), z.string()),
  tty: z.boolean(),
  pipeStdin: z.boolean().optional(),
  arg0: optional(z.string()),
  sandbox: optional(sandboxContext),
  size: optional(terminalSize),
  timeoutMs: optional(unsigned),
  /** The older spelling; ours. Not together with `sandbox`. */
  sandboxPolicy: optional(z.looseObject({ type: z.string() })),
});
export const processStartResult = z.looseObject({
  processId: z.string(),
  /** `none`, or what the server confines with. `linuxSeccomp` is said of every start with `sandbox`, as the real peers do. */
  sandboxType: z.string().optional(),
});

export const outputStream = z.enum(['stdout', 'stderr', 'pty']);
export type OutputStream = z.infer<typeof outputStream>;

export const processReadParams = z.object({
  processId: z.string(),
  /** No process ever has as many events as would take a seq beyond 2^53. */
  afterSeq: optional(unsigned.refine(Number.isSafeInteger, 'expected a seq')),
  maxBytes: optional(unsigned),
  waitMs: optional(unsigned),
});
export const processReadResult = z.looseObject({
  chunks: z.array(z.looseObject({ seq: unsigned, stream: outputStream, chunk: base64Text })),
  nextSeq: unsigned,
  exited: z.boolean(),
  exitCode: z.number().int().nullable(),
  closed: z.boolean(),
  failure: z.string().nullish(),
  /** A guess from the exit code and the output, for sandboxed processes; real servers from 0.169 send it. */
  sandboxDenied: z.boolean().optional(),
  /** Ours: the signal that ended the child. */
  signal: z.string().nullish(),
  /** Ours: seqs after `afterSeq` that retention dropped. */
  lost: z.object({ fromSeq: unsigned, toSeq: unsigned }).nullish(),
  /** Ours: the seqs of exited and closed, once they have happened, so that a client can account for every seq. */
  exitedSeq: unsigned.nullish(),
  closedSeq: unsigned.nullish(),
});
export type ProcessReadWireResult = z.infer<typeof processReadResult>;

export const processWriteParams = z.object({
  processId: z.string(),
  chunk: base64Text,
  writeId: optional(z.string().min(1, 'writeId must not be empty')),
});
export const writeStatus = z.enum(['accepted', 'unknownProcess', 'stdinClosed', 'starting']);
export type WriteStatus = z.infer<typeof writeStatus>;
export const processWriteResult = z.looseObject({ status: writeStatus });

export const processSignalParams = z.object({ processId: z.string(), signal: z.string() });

export const processTerminateParams = z.object({ processId: z.string(), graceMs: optional(unsigned) });
export const processTerminateResult = z.looseObject({ running: z.boolean() });

export const processResizeParams = z.object({ processId: z.string(), size: terminalSize });

export const processCloseStdinParams = z.object({ processId: z.string() });

export const processListResult = z.looseObject({
  processes: z.array(
    z.looseObject({
      processId: z.string(),
      argv: z.array(z.string()),
      cwd: z.string(),
      tty: z.boolean(),
      sandboxType: z.string().nullish(),
      pid: z.number().nullable(),
      startedAtMs: z.number(),
      running: z.boolean(),
      exitCode: z.number().nullable(),
      signal: z.string().nullable(),
      closed: z.boolean(),
      nextSeq: unsigned,
    }),
  ),
});

export const processOutputNotification = z.looseObject({
  processId: z.string(),
  seq: unsigned,
  stream: outputStream,
  chunk: base64Text,
});
export const processExitedNotification = z.looseObject({
  processId: z.string(),
  seq: unsigned,
  exitCode: z.number().int(),
  /** Ours: the signal that ended the child, as a name such as SIGTERM. */
  signal: z.string().nullish(),
  sandboxDenied: z.boolean().optional(),
  /** Ours: the process can no longer be followed, for this reason; how it ended is not known, and `exitCode` is -1. */
  failure: z.string().nullish(),
});
export const processClosedNotification = z.looseObject({ processId: z.string(), seq: unsigned });
