import {
  type ExecCommandArguments,
  execCommandArguments,
  type WriteStdinArguments,
  writeStdinArguments,
} from './tool-arguments.js';
import { type AgentTool, agentTools } from './tools.js';
import type { UnifiedExecManager } from './unified-exec-manager.js';

// Plain objects in the shapes that the frameworks take: none of them is a dependency.

/** What the `tool()` of the Vercel AI SDK takes, and gives back. */
export interface AiSdkTool<Schema, Input> {
  description: string;
  inputSchema: Schema;
  execute(input: Input, options: { abortSignal?: AbortSignal | undefined }): Promise<string>;
}

/** A type and no interface, which would not be taken for a record of tools. */
export type AiSdkTools = {
  exec_command: AiSdkTool<typeof execCommandArguments, ExecCommandArguments>;
  write_stdin: AiSdkTool<typeof writeStdinArguments, WriteStdinArguments>;
};

/** For `tools` of `generateText` and its like in the Vercel AI SDK, from version 5. */
export function aiSdkTools(manager: UnifiedExecManager): AiSdkTools {
  const [execCommand, writeStdin] = agentTools(manager);
  return {
    exec_command: {
      description: execCommand.description,
      inputSchema: execCommandArguments,
      execute: (input, { abortSignal }) => execCommand.execute(input, { signal: abortSignal }),
    },
    write_stdin: {
      description: writeStdin.description,
      inputSchema: writeStdinArguments,
      execute: (input, { abortSignal }) => writeStdin.execute(input, { signal: abortSignal }),
    },
  };
}

/** What the `tool()` of the OpenAI Agents SDK takes. */
export interface OpenAiAgentsTool {
  name: AgentTool['name'];
  description: string;
  parameters: {
    type: 'object';
    properties: Record<string, never>;
    required: string[];
    additionalProperties: true;
  };
  /** Strict schemas would make the model give every field. */
  strict: false;
  execute(input: unknown, context?: unknown, details?: { signal?: AbortSignal | undefined }): Promise<string>;
}

/** For the OpenAI Agents SDK: `openAiAgentsTools(manager).map((options) => tool(options))`. */
export function openAiAgentsTools(manager: UnifiedExecManager): OpenAiAgentsTool[] {
  return agentTools(manager).map(({ name, description, parameters, execute }) => ({
    name,
    description,
    parameters: {
      type: 'object',
      // A JSON schema of each; their type over there is one that any JSON schema library's would have to be cast to.
      properties: parameters.properties as Record<string, never>,
      required: parameters.required as string[],
      additionalProperties: true,
    },
    strict: false,
    execute: (input, _context, details) => execute(input, { signal: details?.signal }),
  }));
}
