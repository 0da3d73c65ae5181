import type { Readable } from 'node:stream';
import { bearerToken, type Credentials } from './credentials.js';
import { MAX_TOKEN_CHARACTERS } from './limits.js';

/** The token on the first line of an input, which is then let go. Throws CredentialError. */
export async function readBearerLine(input: Readable): Promise<Credentials> {
  let text = '';
  for await (const chunk of input) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_TOKEN_CHARACTERS) break;
  }
  const [line = ''] = text.split('\n', 1);
  return bearerToken(line, 'the first line of stdin');
}
