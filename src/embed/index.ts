export { LocalFileSystem } from '../files/local/local-file-system.js';
export type { DirectoryEntry, FileMetadata, FileOptions, FileSystem } from '../files/types.js';
export { LocalHttpClient, type LocalHttpClientOptions } from '../http/local/local-http-client.js';
export type {
  HttpClient,
  HttpHeader,
  HttpRequest,
  HttpRequestHeader,
  HttpRequestOptions,
  HttpResponse,
  HttpStreamResponse,
} from '../http/types.js';
export { LocalBackend, type LocalBackendOptions } from '../process/local/local-backend.js';
export type {
  ExecBackend,
  ExecProcess,
  ProcessId,
  ProcessInfo,
  StartParams,
  TerminateOptions,
  WriteOptions,
} from '../process/types.js';
export { ExecServer, type ExecServerOptions, type ServerLog } from '../server/exec-server.js';
export { LocalTcpConnector } from '../tcp/local/local-tcp-connector.js';
export type { TcpAddress, TcpConnectOptions, TcpConnector, TcpStream } from '../tcp/types.js';
export { type CreateExecServerOptions, createExecServer, type RunningExecServer } from './create-exec-server.js';
