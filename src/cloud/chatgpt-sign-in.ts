import { decodeJwt } from 'jose';
import { z } from 'zod';
import { bearerHeader, CredentialError, type Credentials, readCredentialFile } from './credentials.js';

/** What `codex login` leaves in `$CODEX_HOME/auth.json`; the rest of it is not needed. */
const signInFile = z.looseObject({
  tokens: z
    .looseObject({
      access_token: z.string().min(1),
      account_id: z.string().nullish(),
    })
    .nullish(),
});

/** Where OpenAI puts its own claims in a token. */
const openAiClaims = z.looseObject({
  'https://api.openai.com/auth': z.looseObject({ chatgpt_account_id: z.string() }),
});

/** A sign-in with ChatGPT, read for every request: whoever renews it replaces the file. */
export function chatGptSignIn(path: string): Credentials {
  const source = `the ChatGPT sign-in in ${path}`;
  return {
    source,
    async headers() {
      const tokens = await readTokens(path);
      if (!tokens) throw new CredentialError(`${path} holds no ChatGPT sign-in: sign in with \`codex login\``);
      const claims = claimsOf(tokens.access_token);
      if (claims?.exp !== undefined && claims.exp * 1000 <= Date.now()) {
        const expiredAt = new Date(claims.exp * 1000).toISOString();
        throw new CredentialError(`${source} expired at ${expiredAt}: renew it, \`codex login\` does`);
      }
      const accountId =
        tokens.account_id ?? openAiClaims.safeParse(claims).data?.['https://api.openai.com/auth'].chatgpt_account_id;
      return {
        ...bearerHeader(tokens.access_token, source),
        ...(accountId && { 'chatgpt-account-id': accountId }),
      };
    },
  };
}

/** Undefined: there is an API key in its place. Throws CredentialError. */
async function readTokens(path: string) {
  const text = await readCredentialFile(path);
  const parsed = signInFile.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new CredentialError(`${path} is not what \`codex login\` writes: expected JSON with \`tokens.access_token\``);
  }
  return parsed.data.tokens ?? undefined;
}

/** Undefined for what is no JWT. */
function claimsOf(token: string) {
  try {
    return decodeJwt(token);
  } catch {
    return undefined; // an opaque token: the registry judges it
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says what was expected
  }
}
