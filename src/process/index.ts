export type { ProcessEvent, ReadOptions, ReadResult, SubscriberEvent } from '../event-log/events.js';
export { LocalBackend, type LocalBackendOptions } from './local/local-backend.js';
export type {
  ExecBackend,
  ExecProcess,
  ProcessId,
  ProcessInfo,
  StartParams,
  TerminateOptions,
  WriteOptions,
} from './types.js';
export { processId } from './types.js';
