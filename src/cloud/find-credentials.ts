import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { checkBaseUrl } from '../registry/request.js';
import { chatGptSignIn } from './chatgpt-sign-in.js';
import { bearerToken, CredentialError, type Credentials } from './credentials.js';

export const BEARER_TOKEN_VARIABLE = 'CODEX_EXEC_SERVER_REMOTE_BEARER_TOKEN';
const API_KEY_VARIABLE = 'CODEX_API_KEY';

/** As the real peers have it, and the host of the sign-in. */
const OPENAI_HOST = /(^|\.)(openai\.com|openai\.org|chatgpt\.com)$/;

/**
 * The credentials that the environment has for a registry: a token of its own, an API key, a ChatGPT sign-in. The last two
 * give access to an account at OpenAI, so they go to OpenAI and to loopback only, and are passed over for anybody else.
 * Throws CredentialError when there are none, RegistryError for a base URL that no credentials may go to.
 */
export function findCredentials(baseUrl: string, env: NodeJS.ProcessEnv = process.env): Credentials {
  const { protocol, hostname } = new URL(checkBaseUrl(baseUrl));
  const token = env[BEARER_TOKEN_VARIABLE];
  if (token) return bearerToken(token, `the environment variable ${BEARER_TOKEN_VARIABLE}`);
  const apiKey = env[API_KEY_VARIABLE];
  const signIn = join(env.CODEX_HOME || join(homedir(), '.codex'), 'auth.json');
  const isSignedIn = existsSync(signIn);
  if (protocol === 'http:' || OPENAI_HOST.test(hostname)) {
    if (apiKey) return bearerToken(apiKey, `the environment variable ${API_KEY_VARIABLE}`);
    if (isSignedIn) return chatGptSignIn(signIn);
  }
  const passedOver = apiKey || isSignedIn;
  throw new CredentialError(
    `no credentials for the registry: expected a token by --registration-bearer-stdin (or --registration-bearer-file FILE), ${BEARER_TOKEN_VARIABLE} or ${API_KEY_VARIABLE} in the environment, or a ChatGPT sign-in in ${signIn}${passedOver ? '; what there is of the last two is for OpenAI, and sent to no other registry' : ''}`,
  );
}
