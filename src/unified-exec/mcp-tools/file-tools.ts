import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { applyPatch, formatPatchResult } from '../apply-patch/apply-patch.js';
import { MAX_LISTED_DEPTH, MAX_LISTED_ENTRIES } from '../limits.js';
import { formatTree, listTree } from '../workspace/list-tree.js';
import { readLines } from '../workspace/read-lines.js';
import type { Workspace } from '../workspace/workspace.js';
import { writeText } from '../workspace/write-text.js';
import { answer } from './answer.js';

const path = z.string().min(1).describe('Absolute, or relative to the working directory.');
const READS = { readOnlyHint: true, openWorldHint: false };
const WRITES = { readOnlyHint: false, destructiveHint: true, openWorldHint: false };

/** `read_file`, `write_file`, `list_directory` and `apply_patch`. */
export function registerFileTools(server: McpServer, workspace: Workspace): void {
  registerReadFile(server, workspace);
  registerWriteFile(server, workspace);
  registerListDirectory(server, workspace);
  registerApplyPatch(server, workspace);
}

function registerReadFile(server: McpServer, workspace: Workspace): void {
  server.registerTool(
    'read_file',
    {
      title: 'Read a text file',
      description:
        'Reads lines of a text file, each after its number and a tab. Long files come in parts: a mark at the end says with which offset to read on.',
      inputSchema: z.strictObject({
        path,
        offset: z.number().int().min(1).optional().describe('First line, counted from 1. Defaults to 1.'),
        limit: z.number().int().min(1).optional().describe('Number of lines. Defaults to 2000.'),
      }),
      annotations: READS,
    },
    (input, { mcpReq: { signal } }) =>
      answer('read_file', workspace, async () => ({ text: await readLines(workspace, input, { signal }) })),
  );
}

function registerWriteFile(server: McpServer, workspace: Workspace): void {
  server.registerTool(
    'write_file',
    {
      title: 'Write a text file',
      description:
        'Creates a text file, or replaces the whole of it, with the directories on the way to it. Use apply_patch to change a part.',
      inputSchema: z.strictObject({ path, content: z.string().describe('All of it, as it is to be.') }),
      outputSchema: z.object({ path: z.string(), bytes: z.number(), created: z.boolean() }),
      annotations: { ...WRITES, idempotentHint: true },
    },
    (input) =>
      answer('write_file', workspace, async () => {
        const written = await writeText(workspace, input.path, input.content);
        const verb = written.created ? 'Created' : 'Replaced';
        return { text: `${verb} ${written.path} (${written.bytes} bytes)`, structured: { ...written } };
      }),
  );
}

function registerListDirectory(server: McpServer, workspace: Workspace): void {
  server.registerTool(
    'list_directory',
    {
      title: 'List a directory',
      description:
        'Lists what is in a directory, by name: directories end in a slash, files have their size. Links are not followed.',
      inputSchema: z.strictObject({
        path: path.optional().describe('Absolute, or relative to the working directory, which it defaults to.'),
        depth: z
          .number()
          .int()
          .min(1)
          .max(MAX_LISTED_DEPTH)
          .optional()
          .describe('Defaults to 1: what is in the directory itself.'),
        limit: z.number().int().min(1).max(MAX_LISTED_ENTRIES).optional().describe('Entries. Defaults to 500.'),
      }),
      outputSchema: z.object({
        path: z.string(),
        entries: z.array(
          z.object({
            path: z.string(),
            type: z.enum(['file', 'directory', 'link', 'other']),
            size: z.number().optional(),
            unreadable: z.string().optional(),
          }),
        ),
        truncated: z.boolean(),
      }),
      annotations: READS,
    },
    (input, { mcpReq: { signal } }) =>
      answer('list_directory', workspace, async () => {
        const tree = await listTree(workspace, input, { signal });
        return { text: formatTree(tree), structured: { ...tree } };
      }),
  );
}

function registerApplyPatch(server: McpServer, workspace: Workspace): void {
  server.registerTool(
    'apply_patch',
    {
      title: 'Patch files',
      description: APPLY_PATCH_DESCRIPTION,
      inputSchema: z.strictObject({ input: z.string().describe('The whole patch, from *** Begin Patch on.') }),
      outputSchema: z.object({
        added: z.array(z.string()),
        modified: z.array(z.string()),
        deleted: z.array(z.string()),
      }),
      annotations: { ...WRITES, idempotentHint: false },
    },
    ({ input }, { mcpReq: { signal } }) =>
      answer('apply_patch', workspace, async () => {
        const result = await applyPatch(workspace.files, input, {
          cwd: workspace.cwd,
          sandbox: workspace.sandbox,
          signal,
        });
        return { text: formatPatchResult(result), structured: { ...result } };
      }),
  );
}

const APPLY_PATCH_DESCRIPTION = `Adds, changes, moves and deletes files by a patch, all of them or none:

*** Begin Patch
*** Add File: <path>
+<line>
*** Update File: <path>
*** Move to: <new path>
@@ <line before, such as that of the class or function>
 <context line>
-<line to remove>
+<line to add>
*** Delete File: <path>
*** End Patch

"*** Move to:" and what follows @@ can be left out. Give some three lines of context before and after each change, more @@ lines where that is ambiguous, and hunks in the order of the file. "*** End of File" after a hunk means that it ends where the file ends. There are no line numbers. Paths are relative to the working directory, or absolute.`;
