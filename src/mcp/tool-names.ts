import { createHash } from 'node:crypto';
import { MAX_TOOL_NAME_LENGTH } from './limits.js';

/** A tool of one of the servers, under a name that no other has. */
export interface QualifiedTool<T> {
  /** `mcp__SERVER__TOOL`, of ASCII letters, digits, `-` and `_`, at most 64: what model APIs take. */
  name: string;
  server: string;
  tool: T;
}

/** Characters that may not be in a name become `_`. Names that would be too long, or the same, end in a hash instead. */
export function qualify<T extends { name: string }>(servers: readonly { name: string; tools: readonly T[] }[]) {
  const wanted = servers.flatMap(({ name: server, tools }) =>
    tools.map((tool) => ({ server, tool, name: `mcp__${server}__${tool.name}`.replace(/[^A-Za-z0-9_-]/g, '_') })),
  );
  const counts = new Map<string, number>();
  for (const { name } of wanted) counts.set(name, (counts.get(name) ?? 0) + 1);
  return wanted.map((entry): QualifiedTool<T> => {
    const fits = entry.name.length <= MAX_TOOL_NAME_LENGTH && counts.get(entry.name) === 1;
    return fits ? entry : { ...entry, name: withHash(entry.name, `${entry.server}\0${entry.tool.name}`) };
  });
}

function withHash(name: string, identity: string): string {
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 12);
  return `${name.slice(0, MAX_TOOL_NAME_LENGTH - hash.length - 1)}_${hash}`;
}
