export type { HttpMcpServer, McpServerConfig, McpVariable, StdioMcpServer } from './config.js';
export { connectServer, type McpConnectOptions, type McpPlace, openTransport } from './connect.js';
export { McpClosedError, McpConfigError, McpUnavailableError, UnknownToolError } from './errors.js';
export { EnvironmentLauncher, type LaunchPlace, LocalLauncher, type McpLauncher } from './launcher.js';
export type { McpServerState } from './managed-server.js';
export { McpManager, type McpManagerOptions, type McpPlaces, type McpServerStatus } from './mcp-manager.js';
export { bridgeStdio, type HostStreams } from './stdio-bridge.js';
export { StdioTransport, type StdioTransportOptions } from './stdio-transport.js';
export type { QualifiedTool } from './tool-names.js';
