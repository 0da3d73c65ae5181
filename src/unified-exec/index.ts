export {
  type AiSdkTool,
  type AiSdkTools,
  aiSdkTools,
  type OpenAiAgentsTool,
  openAiAgentsTools,
} from './adapters.js';
export { AGENT_ENVIRONMENT, DEFAULT_ENVIRONMENT_POLICY } from './agent-environment.js';
export { type ApplyPatchOptions, applyPatch, formatPatchResult } from './apply-patch/apply-patch.js';
export { PatchError, type PatchErrorCode } from './apply-patch/patch-error.js';
export type { PatchResult } from './apply-patch/plan-changes.js';
export { type CommandResult, formatResult } from './command-result.js';
export {
  CommandStartError,
  InputError,
  ManagerClosedError,
  NoStdinError,
  ToolArgumentsError,
  UnknownSessionError,
} from './errors.js';
export type { Collected } from './head-tail-buffer.js';
export { createMcpServer, type McpServerOptions } from './mcp-server.js';
export { type PermissionMode, permissionsOf } from './permission-modes.js';
export { probeSandbox, SandboxProbeError } from './probe-sandbox.js';
export {
  type ExecCommandArguments,
  execCommandArguments,
  type WriteStdinArguments,
  writeStdinArguments,
} from './tool-arguments.js';
export { type AgentTool, agentTools } from './tools.js';
export type {
  CallOptions,
  CommandPlace,
  Environments,
  ExecCommandParams,
  SessionInfo,
  UnifiedExecManagerOptions,
  WriteStdinParams,
} from './types.js';
export { isUnifiedExecError, type UnifiedExecError } from './unified-exec-error.js';
export { UnifiedExecManager } from './unified-exec-manager.js';
export { type ProcessState, UnifiedExecProcess } from './unified-exec-process.js';
export type { Workspace } from './workspace/workspace.js';
