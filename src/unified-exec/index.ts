export {
  type AiSdkTool,
  type AiSdkTools,
  aiSdkTools,
  type OpenAiAgentsTool,
  openAiAgentsTools,
} from './adapters.js';
export { AGENT_ENVIRONMENT, DEFAULT_ENVIRONMENT_POLICY } from './agent-environment.js';
export { type CommandResult, formatResult } from './command-result.js';
export {
  CommandStartError,
  InputError,
  isUnifiedExecError,
  ManagerClosedError,
  NoStdinError,
  ToolArgumentsError,
  type UnifiedExecError,
  UnknownSessionError,
} from './errors.js';
export type { Collected } from './head-tail-buffer.js';
export {
  type ExecCommandArguments,
  execCommandArguments,
  type WriteStdinArguments,
  writeStdinArguments,
} from './tool-arguments.js';
export { type AgentTool, agentTools } from './tools.js';
export type {
  CallOptions,
  Environments,
  ExecCommandParams,
  SessionInfo,
  UnifiedExecManagerOptions,
  WriteStdinParams,
} from './types.js';
export { UnifiedExecManager } from './unified-exec-manager.js';
export { type ProcessState, UnifiedExecProcess } from './unified-exec-process.js';
