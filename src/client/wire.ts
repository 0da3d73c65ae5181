// What a client needs once it has something to connect to: loaded then, because it brings the library that checks answers.
export { RemoteBackend } from './remote-backend.js';
export { RemoteFileSystem } from './remote-file-system.js';
export { RemoteHttpClient } from './remote-http-client.js';
export { RemoteTcpConnector } from './remote-tcp-connector.js';
export { SessionLink } from './session-link.js';
