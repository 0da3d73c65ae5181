export type { HttpMcpServer, McpServerConfig, McpVariable, StdioMcpServer } from './config.js';
export {
  connectServer,
  type McpConnectOptions,
  type McpPlace,
  type OpenTransportOptions,
  openTransport,
} from './connect.js';
export {
  McpClosedError,
  McpConfigError,
  McpLoginError,
  McpLoginRequiredError,
  McpUnavailableError,
  UnknownToolError,
} from './errors.js';
export { EnvironmentLauncher, type LaunchPlace, LocalLauncher, type McpLauncher } from './launcher.js';
export { type LogInOptions, logIn, logOut } from './log-in.js';
export { type Login, LoginFile } from './login-file.js';
export type { McpServerState } from './managed-server.js';
export { McpManager, type McpManagerOptions, type McpPlaces, type McpServerStatus } from './mcp-manager.js';
export { bridgeStdio, type HostStreams, hostReady } from './stdio-bridge.js';
export { StdioTransport, type StdioTransportOptions } from './stdio-transport.js';
export type { QualifiedTool } from './tool-names.js';
