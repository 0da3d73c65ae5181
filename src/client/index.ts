export type { SubscriberEvent } from '../event-log/events.js';
export type { Subscription } from '../event-log/subscription.js';
export { readTextFile, writeTextFile } from '../files/conveniences.js';
export { type ReadStreamOptions, readStream } from '../files/read-stream.js';
export {
  type FileAt,
  TransferInterruptedError,
  type TransferOptions,
  type TransferResult,
  transferFile,
} from '../files/transfer-file.js';
export { type TreeEvent, type TreeTransferOptions, transferTree } from '../files/transfer-tree.js';
export type {
  BatchOptions,
  DirectoryEntry,
  FileChanges,
  FileMetadata,
  FileOperation,
  FileOperationResult,
  FileOptions,
  FileSystem,
  FileWatcher,
  OpenFile,
  OpenMode,
  WalkEntry,
  WalkOptions,
  WalkResult,
} from '../files/types.js';
export { type FileWriter, type WriteStreamOptions, writeStream } from '../files/write-stream.js';
export type {
  HttpClient,
  HttpHeader,
  HttpRequest,
  HttpRequestHeader,
  HttpRequestOptions,
  HttpResponse,
  HttpStreamResponse,
} from '../http/types.js';
export { kill, type ProcessEnd, type ProcessText, text, type WaitOptions, wait } from '../process/conveniences.js';
export type {
  ExecBackend,
  ExecProcess,
  ProcessId,
  ProcessInfo,
  StartParams,
  TerminateOptions,
  WriteOptions,
} from '../process/types.js';
export { processId } from '../process/types.js';
export { WireError } from '../protocol/errors.js';
export { ConnectionClosedError, RpcTimeoutError, TooManyCallsError } from '../rpc/errors.js';
export type { CallOptions } from '../rpc/peer.js';
export { PortForwardError, TcpStreamError } from '../tcp/errors.js';
export { forwardPort, type PortForward, type PortForwardOptions } from '../tcp/forward-port.js';
export type { TcpAddress, TcpConnectOptions, TcpConnector, TcpFailureReason, TcpStream } from '../tcp/types.js';
export { DialError } from '../transport/dial-error.js';
export type { ChannelTarget, ConnectTarget, ProgramTarget, UrlTarget } from './dial.js';
export { type ClientEndError, ProcessLostError, SessionLostError, UnsupportedByServerError } from './errors.js';
export {
  type ClientState,
  type CloseOptions,
  type ConnectOptions,
  ExecServerClient,
  type StateListener,
} from './exec-server-client.js';
export type { RegistryTarget } from './registry-dialer.js';
export type { RemoteBackend } from './remote-backend.js';
export type { RemoteFileSystem } from './remote-file-system.js';
export type { RemoteHttpClient } from './remote-http-client.js';
export type { RemoteProcess } from './remote-process.js';
export type { RemoteTcpConnector } from './remote-tcp-connector.js';
