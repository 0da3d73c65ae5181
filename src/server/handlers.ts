import type { FileSystem } from '../files/types.js';
import type { HttpClient } from '../http/types.js';
import type { ExecBackend } from '../process/types.js';
import type { MethodName, ParamsOf, ResultOf } from '../protocol/methods.js';
import type { Channel, CloseInfo } from '../rpc/channel.js';
import type { TcpConnector } from '../tcp/types.js';
import type { WireStreams } from '../tcp/wire-streams.js';
import type { Connection } from './connection.js';
import type { HttpExchanges } from './http-exchanges.js';
import type { Session } from './session.js';
import type { SessionRegistry } from './session-registry.js';

/** What all connections of a server share. */
export interface ServerServices {
  processes: ExecBackend;
  files: FileSystem | undefined;
  http: HttpClient | undefined;
  tcp: TcpConnector | undefined;
  sessions: SessionRegistry;
  initializeTimeoutMs?: number | undefined;
  /** The connection stands before there is a client at its other end: it may introduce itself whenever it comes. */
  waitsForClient?: boolean | undefined;
  onInitialized?(connection: Connection): void;
  onConnectionClosed(connection: Connection, info: CloseInfo): void;
}

/** What a handler is told besides its params. */
export interface RequestContext {
  session: Session;
  services: ServerServices;
  /** Of the connection on which the request came. */
  channel: Channel;
  exchanges: HttpExchanges;
  streams: WireStreams;
  /** Aborts with a WireError when the connection has ended or lost its session. */
  signal: AbortSignal;
  /** Runs its argument right after the answer has been sent. */
  afterAnswer(action: () => void): void;
}

/** A handler per method that the server serves; typed from the method table. */
export type Handlers = {
  [M in MethodName]?: (params: ParamsOf<M>, context: RequestContext) => Promise<ResultOf<M>>;
};
