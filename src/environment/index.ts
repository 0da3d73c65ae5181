export { RegistryError } from '../registry/errors.js';
export { TokenError } from '../registry/harness-token.js';
export { forwardPort, type PortForward, type PortForwardOptions } from '../tcp/forward-port.js';
export type { TcpAddress, TcpConnectOptions, TcpConnector, TcpStream } from '../tcp/types.js';
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
export { type RegisteredEnvironment, type RegistryPlace, registryEnvironments } from './registry-environments.js';
export { RemoteEnvironment } from './remote-environment.js';
export {
  type EnvironmentSpec,
  LOCAL_ENVIRONMENT_ID,
  type ProgramEnvironmentSpec,
  REMOTE_ENVIRONMENT_ID,
  type RegistryEnvironmentSpec,
  type UrlEnvironmentSpec,
} from './spec.js';
export type { Environment, EnvironmentStatus, EnvironmentStatusListener } from './types.js';
