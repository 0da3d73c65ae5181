import { EnvironmentManager } from '../environment/environment-manager.js';
import { EnvironmentConfigError, UnknownEnvironmentError } from '../environment/errors.js';
import type { Environment } from '../environment/types.js';
import { UsageError } from './usage-error.js';

/** The environments that the user has configured. Throws UsageError for a configuration that cannot be read. */
export async function openManager(environmentsFile: string | undefined): Promise<EnvironmentManager> {
  try {
    return await EnvironmentManager.fromEnvironment({ environmentsFile, clientName: 'exec-server' });
  } catch (error) {
    throw error instanceof EnvironmentConfigError ? new UsageError(error.message, { cause: error }) : error;
  }
}

/** The environment of that id. The manager is the caller's to close. */
export async function openEnvironment(
  id: string,
  environmentsFile: string | undefined,
): Promise<{ manager: EnvironmentManager; environment: Environment }> {
  const manager = await openManager(environmentsFile);
  try {
    return { manager, environment: manager.get(id) };
  } catch (error) {
    await manager.close();
    throw error instanceof UnknownEnvironmentError
      ? new UsageError(`--env: ${error.message}`, { cause: error })
      : error;
  }
}
