import { createHash } from 'node:crypto';
import type { ListedEnvironment } from '../registry/contract.js';
import { listEnvironments } from '../registry/harness-list.js';
import { bearerHeaders, readToken } from '../registry/harness-token.js';
import { field, type RegistryEnvironmentSpec } from './spec.js';

/** A registry, and where the token for it is. */
export type RegistryPlace = Pick<RegistryEnvironmentSpec, 'registry' | 'authBearerToken' | 'tokenEnv' | 'tokenFile'>;

/** An environment as the registry has it, with how to get to it. */
export interface RegisteredEnvironment {
  spec: RegistryEnvironmentSpec;
  listed: ListedEnvironment;
}

/**
 * All that the token reaches at a registry, connected or not, in its order, as specifications for an EnvironmentManager.
 * Ids that are none for a manager (it knows no `.`, and 64 characters) are made into one, always the same.
 * Rejects with RegistryError, TokenError or the signal's reason.
 */
export async function registryEnvironments(
  place: RegistryPlace,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<RegisteredEnvironment[]> {
  const { registry, authBearerToken, tokenEnv, tokenFile } = place;
  const headers = async () => bearerHeaders(await readToken(place));
  const all = await listEnvironments({ baseUrl: registry, headers }, options);
  return all.map((listed) => {
    const environmentId = listed.environment_id;
    const id = managedId(environmentId);
    return { spec: { id, registry, environmentId, authBearerToken, tokenEnv, tokenFile }, listed };
  });
}

function managedId(environmentId: string): string {
  if (field.id.safeParse(environmentId).success) return environmentId;
  const hash = createHash('sha256').update(environmentId).digest('hex').slice(0, 8);
  return `${environmentId.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(0, 55)}-${hash}`;
}
