import { invalidParams, type WireError } from './errors.js';

const STANDARD_PADDED = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Strict standard base64 with padding, as the real peers have it: no white space, no URL-safe alphabet, no stray bits.
 * `fail` makes the error, because `fs/writeFile` answers with another code than the rest.
 */
export function decodeBase64(text: string, fail: (reason: string) => WireError = invalidParams): Buffer {
  if (text.length % 4 !== 0) throw fail('Invalid padding: base64 needs a multiple of 4 symbols');
  if (!STANDARD_PADDED.test(text)) {
    const offset = text.search(/[^A-Za-z0-9+/]/);
    throw fail(`Invalid symbol ${text.charCodeAt(offset)}, offset ${offset}: expected standard base64 with padding`);
  }
  const bytes = Buffer.from(text, 'base64');
  if (text.endsWith('=')) {
    const tail = text.slice(-4);
    if (bytes.subarray(bytes.length - (tail.endsWith('==') ? 1 : 2)).toString('base64') !== tail) {
      throw fail(
        `Invalid last symbol, offset ${text.length - (tail.endsWith('==') ? 3 : 2)}: its unused bits are not 0`,
      );
    }
  }
  return bytes;
}
