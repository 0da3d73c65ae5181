export { type AwsCredentials, awsCredentials, loadAwsCredentials } from './aws-credentials.js';
export type {
  Cluster,
  EnvironmentRecord,
  ExecutorConnection,
  LinkQuestion,
  PairHandler,
  PairRequest,
  Versioned,
} from './cluster.js';
export { ChangedError } from './cluster.js';
export { RendezvousError } from './errors.js';
export { type Identity, type Role, roles } from './identity.js';
export type { RendezvousLog } from './log.js';
export { MemoryCluster } from './memory-cluster.js';
export { PrivateFileError } from './private-file.js';
export { createRendezvous, type RendezvousOptions, type RendezvousServer } from './rendezvous-server.js';
export { createKeyFile, defaultKeyFile, SigningKeys } from './signing-keys.js';
export { issueToken, type TokenOptions } from './tokens.js';
