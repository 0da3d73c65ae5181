export type { EnvironmentsConfig } from './config.js';
export { EnvironmentManager, type EnvironmentManagerOptions } from './environment-manager.js';
export { parseEnvironmentsToml } from './environments-toml.js';
export {
  EnvironmentClosedError,
  EnvironmentConfigError,
  EnvironmentConnectError,
  EnvironmentExistsError,
  NoDefaultEnvironmentError,
  UnknownEnvironmentError,
} from './errors.js';
export { LocalEnvironment } from './local-environment.js';
export { type ConfigSources, configFromUrl, readConfig } from './providers.js';
export { RemoteEnvironment } from './remote-environment.js';
export {
  type EnvironmentSpec,
  LOCAL_ENVIRONMENT_ID,
  type ProgramEnvironmentSpec,
  REMOTE_ENVIRONMENT_ID,
  type UrlEnvironmentSpec,
} from './spec.js';
export type { Environment, EnvironmentStatus, EnvironmentStatusListener } from './types.js';
