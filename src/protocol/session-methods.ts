import { z } from 'zod';
import { optional } from './fields.js';

/** What our server announces in `environmentInfo.capabilities`; a client uses an extension only when it is true. */
export const extensionCapabilities = {
  /** process/resize, and `size` in process/start. */
  processResize: true,
  /** process/closeStdin. */
  processCloseStdin: true,
  /** process/list. */
  processList: true,
  /** `graceMs` in process/terminate: TERM, then KILL. */
  processTerminateGrace: true,
  /** process/signal takes any signal name. */
  processSignalAny: true,
  /** `timeoutMs` in process/start. */
  processTimeout: true,
  /** `lost` in process/read: which seqs retention dropped. */
  processReadLost: true,
  /** `followSymlinks: false` in every fs/ method that takes a path. */
  fsFollowSymlinks: true,
  /** `maxBytes` in fs/readFile. */
  fsReadFileMaxBytes: true,
  /** `atomic` in fs/writeFile. */
  fsWriteFileAtomic: true,
  /** fs/rename. */
  fsRename: true,
  /** fs/open with mode `update`, and repeated with the same `handleId` it opens nothing twice. */
  fsOpenUpdate: true,
  /** fs/watch, fs/unwatch, fs/changed. */
  fsWatch: true,
  /** fs/batch. */
  fsBatch: true,
  /** http/request/cancel. */
  httpRequestCancel: true,
  /** `creditBytes` in http/request, and http/request/credit. */
  httpRequestCredit: true,
  /** `streamRequest` in http/request, and http/request/bodyChunk. */
  httpStreamRequest: true,
  /** `details` in http/request, and `errorData` in http/request/bodyDelta. */
  httpDetails: true,
  /** tcp/connect, and the notifications of its streams. */
  tcpConnect: true,
} as const;

export type ExtensionCapability = keyof typeof extensionCapabilities;

/** What a host can say of itself; all paths are `file:` URIs. Shape: the newest real server's. */
export const environmentInfo = z.looseObject({
  shell: z.looseObject({ name: z.string(), path: z.string() }),
  executorVersion: z.string().optional(),
  providerId: z.string().nullish(),
  cwd: z.string().nullish(),
  userHomeDir: z.string().nullish(),
  platformOs: z.string().nullish(),
  prependPathDirs: z.array(z.string()).nullish(),
  temporaryDirectories: z.array(z.string()).nullish(),
  tempDir: z.string().nullish(),
  /** Ours, as is the next: where Codex keeps the user's configuration there. */
  codexHomeDir: z.string().nullish(),
  hostname: z.string().nullish(),
  capabilities: z.record(z.string(), z.unknown()).nullish(),
});
export type EnvironmentInfo = z.infer<typeof environmentInfo>;

export const initializeParams = z.object({ clientName: z.string(), resumeSessionId: optional(z.string()) });

export const initializeResult = z.looseObject({
  sessionId: z.string(),
  environmentInfo: environmentInfo.nullish(),
  /** Ours: the same as in `environmentInfo`, for those who look here. */
  capabilities: z.record(z.string(), z.unknown()).nullish(),
});

/** Takes anything as params, as the real peers do. */
export const anyParams = z.unknown();

export const environmentStatusResult = z.looseObject({ status: z.string() });
