import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { NativePath } from '../../protocol/paths.js';
import { type CommandResult, formatResult } from '../command-result.js';
import { execCommandArguments, parseExecCommand, parseWriteStdin, writeStdinArguments } from '../tool-arguments.js';
import { agentTools } from '../tools.js';
import type { UnifiedExecManager } from '../unified-exec-manager.js';
import { answer, type ToolOutput } from './answer.js';

/** The fields of Codex and, where there is more to say, ours. What there is not is left out: not every host knows null in a schema. */
const commandOutput = z.object({
  chunk_id: z.string(),
  wall_time_seconds: z.number(),
  exit_code: z.number().optional().describe('Absent: it runs, or how it ended is not known.'),
  signal: z.string().optional().describe('The signal that ended it.'),
  session_id: z.number().optional().describe('For write_stdin. Absent: nothing more will come.'),
  failure: z.string().optional().describe('Why the process can no longer be followed.'),
  original_token_count: z.number(),
  output: z.string(),
  truncated: z.boolean(),
  warning: z.string().optional(),
});

/** `exec_command` and `write_stdin`. There is one place, so none is to be chosen. */
export function registerCommandTools(server: McpServer, manager: UnifiedExecManager, place: { cwd: NativePath }): void {
  const [execCommand, writeStdin] = agentTools(manager);
  server.registerTool(
    execCommand.name,
    {
      title: 'Run a command',
      description: execCommand.description,
      inputSchema: execCommandArguments.omit({ environment_id: true }),
      outputSchema: commandOutput,
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    },
    (input, { mcpReq: { signal } }) =>
      answer(execCommand.name, place, async () =>
        output(await manager.execCommand(parseExecCommand(input), { signal })),
      ),
  );
  server.registerTool(
    writeStdin.name,
    {
      title: 'Type into a command, or wait for it',
      description: writeStdin.description,
      inputSchema: writeStdinArguments,
      outputSchema: commandOutput,
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    },
    (input, { mcpReq: { signal } }) =>
      answer(writeStdin.name, place, async () => output(await manager.writeStdin(parseWriteStdin(input), { signal }))),
  );
}

function output(result: CommandResult): ToolOutput {
  const structured: z.input<typeof commandOutput> = {
    chunk_id: result.chunkId,
    wall_time_seconds: result.wallTimeSeconds,
    exit_code: result.exitCode ?? undefined,
    signal: result.signal ?? undefined,
    session_id: result.sessionId ?? undefined,
    failure: result.failure ?? undefined,
    original_token_count: result.originalTokenCount,
    output: result.output,
    truncated: result.truncated,
    warning: result.warning ?? undefined,
  };
  return { text: formatResult(result), structured };
}
