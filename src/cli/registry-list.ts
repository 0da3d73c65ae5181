import type { ListedEnvironment } from '../registry/contract.js';
import { table } from './ps.js';
import { type RegistryOptions, registryPlace } from './registry-target.js';

/** `env list --registry`: what a registry has, connected or not. */
export async function listRegistry(registry: string, options: RegistryOptions & { json?: boolean }): Promise<void> {
  const place = await registryPlace(registry, options);
  const { registryEnvironments } = await import('../environment/registry-environments.js');
  const all = (await registryEnvironments(place)).map(({ listed }) => listed);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`);
    return;
  }
  process.stdout.write(table([['ID', 'NAME', 'STATUS', 'LAST SEEN', 'HARNESSES', 'LABELS'], ...all.map(row)]));
}

function row(listed: ListedEnvironment): string[] {
  const { environment_id, name, status, last_seen_at, harnesses, max_harnesses, labels } = listed;
  return [
    environment_id,
    name ?? '-',
    status,
    status === 'online' ? 'now' : last_seen_at,
    max_harnesses === null ? String(harnesses) : `${harnesses}/${max_harnesses}`,
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(' '),
  ].map(printable);
}

/** Executors choose their names and labels themselves: nothing in them may reach a terminal as a command. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?');
}
