import { z } from 'zod';
import { ToolArgumentsError } from './errors.js';
import type { ExecCommandParams, WriteStdinParams } from './types.js';

// Names, order and wording of the fields are what models know from Codex.

export const execCommandArguments = z.strictObject({
  cmd: z.string().describe('Shell command to execute.'),
  workdir: z.string().optional().describe('Working directory for the command. Defaults to the turn cwd.'),
  shell: z.string().optional().describe("Shell binary to launch. Defaults to the user's default shell."),
  login: z
    .boolean()
    .optional()
    .describe('True runs the shell with -l/-i semantics; false disables them. Defaults to true.'),
  tty: z.boolean().optional().describe('True allocates a PTY for the command; false or omitted uses plain pipes.'),
  yield_time_ms: z
    .number()
    .min(0)
    .optional()
    .describe('Wait before yielding output. Defaults to 10000 ms; effective range is 250-30000 ms.'),
  max_output_tokens: z
    .number()
    .min(0)
    .optional()
    .describe('Output token budget. Defaults to 10000 tokens; larger requests may be capped by policy.'),
  environment_id: z.string().optional().describe('Environment to run the command in. Defaults to the primary one.'),
});
export type ExecCommandArguments = z.infer<typeof execCommandArguments>;

export const writeStdinArguments = z.strictObject({
  session_id: z.number().describe('Identifier of the running unified exec session.'),
  chars: z.string().optional().describe('Bytes to write to stdin. Defaults to empty, which polls without writing.'),
  yield_time_ms: z
    .number()
    .min(0)
    .optional()
    .describe(
      'Wait before yielding output. Non-empty writes default to 250 ms and cap at 30000 ms; empty polls wait 5000-300000 ms by default.',
    ),
  max_output_tokens: z
    .number()
    .min(0)
    .optional()
    .describe('Output token budget. Defaults to 10000 tokens; larger requests may be capped by policy.'),
});
export type WriteStdinArguments = z.infer<typeof writeStdinArguments>;

/** With these, models that know Codex ask a person for more than the sandbox allows. Here is nobody to be asked. */
const ABOUT_APPROVAL = ['justification', 'sandbox_permissions', 'prefix_rule'];

/** Throws ToolArgumentsError. */
export function parseExecCommand(input: unknown): ExecCommandParams {
  const known =
    typeof input === 'object' && input !== null && !Array.isArray(input)
      ? Object.fromEntries(Object.entries(input).filter(([key]) => !ABOUT_APPROVAL.includes(key)))
      : input;
  const { yield_time_ms, max_output_tokens, environment_id, ...rest } = parse(execCommandArguments, known);
  return {
    ...rest,
    yieldTimeMs: yield_time_ms,
    maxOutputTokens: max_output_tokens,
    environmentId: environment_id,
  };
}

/** Throws ToolArgumentsError. */
export function parseWriteStdin(input: unknown): WriteStdinParams {
  const { session_id, chars, yield_time_ms, max_output_tokens } = parse(writeStdinArguments, input);
  return { sessionId: session_id, chars, yieldTimeMs: yield_time_ms, maxOutputTokens: max_output_tokens };
}

function parse<T>(schema: z.ZodType<T>, input: unknown): T {
  const { success, data, error } = schema.safeParse(input);
  if (success) return data;
  const problems = error.issues.map(({ path, message }) =>
    path.length > 0 ? `\`${path.join('.')}\`: ${message}` : message,
  );
  throw new ToolArgumentsError(problems.join('; '));
}
