export { readBearerLine } from './bearer-line.js';
export { chatGptSignIn } from './chatgpt-sign-in.js';
export { bearerFile, bearerToken, CredentialError, type Credentials } from './credentials.js';
export { CloudOptionError, RegistrationFailedError } from './errors.js';
export { BEARER_TOKEN_VARIABLE, findCredentials } from './find-credentials.js';
export type { CloudNews } from './news.js';
export { type CloudOptions, checkCloudOptions } from './options.js';
export { type CloudServing, serveCloud } from './serve-cloud.js';
