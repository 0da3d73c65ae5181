export { LocalBackend, type LocalBackendOptions } from '../process/local/local-backend.js';
export { ExecServer, type ExecServerOptions, type ServerLog } from '../server/exec-server.js';
export { type CreateExecServerOptions, createExecServer, type RunningExecServer } from './create-exec-server.js';
