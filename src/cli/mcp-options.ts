import type { Command } from 'commander';
import { checkServer, type McpServerConfig } from '../mcp/config.js';
import type { McpPlace } from '../mcp/connect.js';
import { McpConfigError } from '../mcp/errors.js';
import { registryOf } from './registry-target.js';
import { openTarget, type Target, type TargetOptions } from './target.js';
import { UsageError } from './usage-error.js';

export const collect = (value: string, all: string[]) => [...all, value];

export function headerOption(command: Command): Command {
  return command.option('--header <name:value>', 'send this header; may be repeated', collect, []);
}

/**
 * Runs `action` with the target. It has the id under which logins to what is reached from there are kept: `local` is what
 * McpManager calls this machine.
 */
export async function withPlace(options: TargetOptions, action: (place: McpPlace) => Promise<void>): Promise<void> {
  const target: Target = await openTarget(options);
  try {
    await action({ id: await placeId(options), ...target });
  } finally {
    await target.close({ keep: false });
  }
}

export async function placeId(options: TargetOptions): Promise<string> {
  const { env, url, program } = options;
  const registry = await registryOf(options);
  // What a registry calls `local` is not this machine.
  return registry === undefined ? (env ?? url ?? program ?? 'local') : `${registry} ${env}`;
}

/** The configuration, checked. Throws UsageError. */
export function checkOptions(server: Record<string, unknown>): McpServerConfig {
  try {
    return checkServer(server);
  } catch (error) {
    throw error instanceof McpConfigError ? new UsageError(error.message, { cause: error }) : error;
  }
}

/** Never quotes what it refuses: it may be a secret. */
export function pairs(option: string, texts: readonly string[], separator: string): Record<string, string> {
  return Object.fromEntries(
    texts.map((text, n) => {
      const at = text.indexOf(separator);
      if (at <= 0) throw new UsageError(`${option}: expected NAME${separator}VALUE in its use number ${n + 1}`);
      return [text.slice(0, at), separator === ':' ? text.slice(at + 1).trim() : text.slice(at + 1)];
    }),
  );
}
