import type { CallToolResult } from '@modelcontextprotocol/server';
import { WireError } from '../../protocol/errors.js';
import type { NativePath } from '../../protocol/paths.js';
import { describeFailure, isUnifiedExecError } from '../unified-exec-error.js';

/** What a tool answers with: text for the model, and the same for programs. */
export interface ToolOutput {
  text: string;
  structured?: Record<string, unknown>;
}

/** Does the work of a tool. What it fails with reaches the model, with what to do. */
export async function answer(
  tool: string,
  { cwd }: { cwd: NativePath },
  work: () => Promise<ToolOutput>,
): Promise<CallToolResult> {
  try {
    const { text, structured } = await work();
    return { content: [{ type: 'text', text }], ...(structured ? { structuredContent: structured } : {}) };
  } catch (error) {
    return { content: [{ type: 'text', text: `${tool} failed: ${sentences(error, cwd)}` }], isError: true };
  }
}

function sentences(error: unknown, cwd: NativePath): string {
  if (isUnifiedExecError(error)) return error.message;
  const { message, retryable, mayHaveExecuted } = describeFailure(error);
  const advice = mayHaveExecuted
    ? 'It may have been done all the same: look before you try again.'
    : retryable
      ? 'Nothing was done: try again later.'
      : adviceByKind(error, cwd);
  return `${message}. ${advice}`;
}

function adviceByKind(error: unknown, cwd: NativePath): string {
  switch (error instanceof WireError ? error.kind : undefined) {
    case 'not_found':
      return `Check the path, with list_directory: relative paths begin at ${cwd}.`;
    case 'sandbox_denied':
      return `The permissions of this session forbid it: work in ${cwd}, or ask the user.`;
    case 'permission_denied':
      return 'The user that this runs as may not do that: use another path, or ask the user.';
    default:
      return 'Correct the call before trying again.';
  }
}
