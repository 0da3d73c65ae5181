import { z } from 'zod';
import * as environment from './environment-config-methods.js';
import * as file from './file-methods.js';
import * as http from './http-methods.js';
import * as process from './process-methods.js';
import * as session from './session-methods.js';
import * as tcp from './tcp-methods.js';
import * as missing from './watch-missing-methods.js';

/** The names that error messages of the real peers use for groups of methods; clients match on them. */
export type MethodFamily =
  | 'session'
  | 'exec'
  | 'filesystem'
  | 'http'
  | 'tcp'
  | 'environment info'
  | 'environment status'
  | 'environment config'
  | 'capability discovery';

interface MethodSpec {
  family: MethodFamily;
  params: z.ZodType;
  result: z.ZodType;
}

const define = <P extends z.ZodType, R extends z.ZodType>(family: MethodFamily, params: P, result: R) => ({
  family,
  params,
  result,
});

const empty = z.looseObject({});

/** Every request of the wire: the one place that says what a method takes and gives. */
export const methods = {
  initialize: define('session', session.initializeParams, session.initializeResult),
  'environment/info': define('environment info', session.anyParams, session.environmentInfo),
  'environment/status': define('environment status', session.anyParams, session.environmentStatusResult),
  'environmentConfig/read': define(
    'environment config',
    environment.environmentConfigReadParams,
    environment.environmentConfigReadResult,
  ),
  'capabilities/discoverV2': define('capability discovery', environment.discoverV2Params, environment.discoverV2Result),
  'process/start': define('exec', process.processStartParams, process.processStartResult),
  'process/read': define('exec', process.processReadParams, process.processReadResult),
  'process/write': define('exec', process.processWriteParams, process.processWriteResult),
  'process/signal': define('exec', process.processSignalParams, empty),
  'process/terminate': define('exec', process.processTerminateParams, process.processTerminateResult),
  'process/resize': define('exec', process.processResizeParams, empty),
  'process/closeStdin': define('exec', process.processCloseStdinParams, empty),
  'process/list': define('exec', session.anyParams, process.processListResult),
  'fs/readFile': define('filesystem', file.readFileParams, file.readFileResult),
  'fs/writeFile': define('filesystem', file.writeFileParams, file.writeFileResult),
  'fs/createDirectory': define('filesystem', file.createDirectoryParams, file.createDirectoryResult),
  'fs/getMetadata': define('filesystem', file.getMetadataParams, file.getMetadataResult),
  'fs/readDirectory': define('filesystem', file.readDirectoryParams, file.readDirectoryResult),
  'fs/remove': define('filesystem', file.removeParams, file.removeResult),
  'fs/copy': define('filesystem', file.copyParams, file.copyResult),
  'fs/rename': define('filesystem', file.renameParams, file.renameResult),
  'fs/canonicalize': define('filesystem', file.canonicalizeParams, file.canonicalizeResult),
  'fs/walk': define('filesystem', file.walkParams, file.walkResult),
  'fs/open': define('filesystem', file.openParams, file.openResult),
  'fs/readBlock': define('filesystem', file.readBlockParams, file.readBlockResult),
  'fs/writeBlock': define('filesystem', file.writeBlockParams, file.writeBlockResult),
  'fs/close': define('filesystem', file.closeParams, file.closeResult),
  'fs/watch': define('filesystem', file.watchParams, file.watchResult),
  'fs/unwatch': define('filesystem', file.unwatchParams, file.unwatchResult),
  'fs/batch': define('filesystem', file.batchParams, file.batchResult),
  'fs/watchMissing': define('filesystem', missing.watchMissingParams, missing.watchMissingResult),
  'http/request': define('http', http.httpRequestParams, http.httpRequestResult),
  'http/request/cancel': define('http', http.httpCancelParams, empty),
  'http/request/credit': define('http', http.httpCreditParams, empty),
  'http/request/bodyChunk': define('http', http.httpBodyChunkParams, http.httpBodyChunkResult),
  'tcp/connect': define('tcp', tcp.tcpConnectParams, tcp.tcpConnectResult),
} as const satisfies Record<string, MethodSpec>;

export type MethodName = keyof typeof methods;
/** Params as a handler gets them, after validation. */
export type ParamsOf<M extends MethodName> = z.output<(typeof methods)[M]['params']>;
/** Params as a caller writes them. */
export type ParamsInput<M extends MethodName> = z.input<(typeof methods)[M]['params']>;
export type ResultOf<M extends MethodName> = z.output<(typeof methods)[M]['result']>;

/** Notifications from server to client. */
export const serverNotifications = {
  'process/output': process.processOutputNotification,
  'process/exited': process.processExitedNotification,
  'process/closed': process.processClosedNotification,
  'fs/changed': file.fsChangedNotification,
  'fs/missingChanged': missing.missingChangedNotification,
  'http/request/bodyDelta': http.httpBodyDeltaNotification,
  ...tcp.streamNotifications,
} as const;
export type ServerNotificationName = keyof typeof serverNotifications;

/** The notification from client to server; those of TCP streams go both ways. */
export const INITIALIZED = 'initialized';

export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(methods, name);
}
