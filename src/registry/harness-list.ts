import { environmentList, type ListedEnvironment } from './contract.js';
import { askRegistry, type RegistryAccess } from './request.js';

/** The environments that the token reaches, connected or not. Throws RegistryError, or the signal's reason. */
export async function listEnvironments(
  access: RegistryAccess,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<ListedEnvironment[]> {
  const answer = environmentList;
  const { environments } = await askRegistry(access, { method: 'GET', path: '/cloud/environments', answer, signal });
  return environments;
}
