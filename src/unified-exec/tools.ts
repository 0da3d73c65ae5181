import { z } from 'zod';
import { formatResult } from './command-result.js';
import { ToolArgumentsError } from './errors.js';
import { execCommandArguments, parseExecCommand, parseWriteStdin, writeStdinArguments } from './tool-arguments.js';
import type { CallOptions } from './types.js';
import { isUnifiedExecError } from './unified-exec-error.js';
import type { UnifiedExecManager } from './unified-exec-manager.js';

/** A tool in terms that any agent framework can be given. */
export interface AgentTool {
  readonly name: 'exec_command' | 'write_stdin';
  readonly description: string;
  /** JSON schema of the arguments: an object without further properties. */
  readonly parameters: Record<string, unknown>;
  /**
   * `input`: the arguments, as an object or as the JSON that the model wrote. Resolves with text for the model, also where
   * the call fails; rejects with the reason of `signal` only.
   */
  execute(input: unknown, options?: CallOptions): Promise<string>;
}

/** `exec_command` and `write_stdin`, as Codex offers them. */
export function agentTools(manager: UnifiedExecManager): readonly [AgentTool, AgentTool] {
  return [
    {
      name: 'exec_command',
      description: 'Runs a command in a PTY, returning output or a session ID for ongoing interaction.',
      parameters: z.toJSONSchema(execCommandArguments, { target: 'draft-7' }),
      execute: (input, options) =>
        asText('exec_command', async () => {
          return formatResult(await manager.execCommand(parseExecCommand(fromJson(input)), options));
        }),
    },
    {
      name: 'write_stdin',
      description: 'Writes characters to an existing unified exec session and returns recent output.',
      parameters: z.toJSONSchema(writeStdinArguments, { target: 'draft-7' }),
      execute: (input, options) =>
        asText('write_stdin', async () => {
          return formatResult(await manager.writeStdin(parseWriteStdin(fromJson(input)), options));
        }),
    },
  ];
}

async function asText(tool: string, call: () => Promise<string>): Promise<string> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ToolArgumentsError) return error.message;
    if (isUnifiedExecError(error)) return `${tool} failed: ${error.message}`;
    throw error;
  }
}

function fromJson(input: unknown): unknown {
  if (typeof input !== 'string') return input;
  try {
    return JSON.parse(input);
  } catch (error) {
    throw new ToolArgumentsError(error instanceof Error ? error.message : String(error));
  }
}
