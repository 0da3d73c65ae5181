import { isUtf8 } from 'node:buffer';

/** How a peer writes paths: plain absolute (up to 0.129), or `file:` URIs (0.169). Answers use that of the request. */
export type PathDialect = 'plain' | 'uri';

/**
 * An absolute, lexically clean path of the executor. Names that are not UTF-8 hold each undecodable byte 0xNN as the
 * lone surrogate U+DCNN, so every name survives a round trip through a JavaScript string (the scheme of PEP 383).
 */
export type NativePath = string;

/** What is wrong with a path on the wire; the message says what was expected and what came. */
export class PathError extends Error {
  override readonly name = 'PathError';
}

export function dialectOf(wirePath: string): PathDialect {
  return /^file:/i.test(wirePath) ? 'uri' : 'plain';
}

/** Reads a path of either dialect. Throws PathError. */
export function parsePath(wirePath: string): NativePath {
  const path = dialectOf(wirePath) === 'uri' ? parseFileUri(wirePath) : wirePath;
  if (path.includes('\0')) throw new PathError(`path ${quote(wirePath)} holds a NUL byte`);
  if (!path.startsWith('/')) {
    throw new PathError(
      /^[a-z][a-z0-9+.-]*:/i.test(path)
        ? `unsupported path URI scheme in ${quote(wirePath)}: expected an absolute path or a file: URI`
        : `path ${quote(wirePath)} is relative: expected an absolute path or a file: URI`,
    );
  }
  return cleanPath(path);
}

/** Writes a path in the given dialect. Undecodable bytes survive in URIs; in plain paths they become U+FFFD. */
export function formatPath(path: NativePath, dialect: PathDialect): string {
  if (dialect === 'plain') return path.toWellFormed();
  let out = 'file://';
  for (const byte of pathBytes(path)) {
    const c = String.fromCharCode(byte);
    out += /[A-Za-z0-9\-._~/!$&'()*+,;=:@]/.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** Resolves `.`, `..` and doubled slashes by the text alone, as the real peers do; a trailing slash goes. */
export function cleanPath(path: NativePath): NativePath {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') out.pop();
    else out.push(part);
  }
  return `/${out.join('/')}`;
}

function parseFileUri(uri: string): NativePath {
  const match = /^file:(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(uri);
  if (!match) throw new PathError(`${quote(uri)} is not a file: URI`);
  const [, host = '', rawPath = '', query, fragment] = match;
  if (host !== '' && host.toLowerCase() !== 'localhost') {
    throw new PathError(`${quote(uri)} names the host ${quote(host)}: expected none, or localhost`);
  }
  if (query !== undefined) throw new PathError(`query parameters are not allowed in path URIs: ${quote(uri)}`);
  if (fragment !== undefined) throw new PathError(`fragments are not allowed in path URIs: ${quote(uri)}`);
  if (!rawPath.startsWith('/')) throw new PathError(`${quote(uri)} holds no absolute path`);
  // An escaped slash stays inside its name, which no file can have; cleaning happens on the decoded names.
  if (/%2f/i.test(rawPath)) throw new PathError(`${quote(uri)} holds an escaped slash, which no file name can have`);
  if (/%00/.test(rawPath)) throw new PathError(`${quote(uri)} holds a NUL byte`);
  const bytes: Buffer[] = [];
  let last = 0;
  for (const hex of rawPath.matchAll(/%([0-9a-f]{2})/gi)) {
    bytes.push(Buffer.from(rawPath.slice(last, hex.index)), Buffer.from([Number.parseInt(hex[1] ?? '', 16)]));
    last = hex.index + 3;
  }
  bytes.push(Buffer.from(rawPath.slice(last)));
  return pathFromBytes(Buffer.concat(bytes));
}

/** A path as the bytes that the operating system takes. */
export function pathBytes(path: NativePath): Buffer {
  if (path.isWellFormed()) return Buffer.from(path);
  const parts: Buffer[] = [];
  for (const char of path) {
    const code = char.charCodeAt(0);
    const isEscapedByte = char.length === 1 && code >= 0xdc80 && code <= 0xdcff;
    parts.push(isEscapedByte ? Buffer.from([code - 0xdc00]) : Buffer.from(char));
  }
  return Buffer.concat(parts);
}

/** The reverse of `pathBytes`. */
export function pathFromBytes(bytes: Buffer): NativePath {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let out = '';
  let i = 0;
  while (i < bytes.length) {
    const length = utf8LengthAt(bytes, i);
    if (length === 0) {
      out += String.fromCharCode(0xdc00 + (bytes[i] ?? 0));
      i++;
    } else {
      out += bytes.toString('utf8', i, i + length);
      i += length;
    }
  }
  return out;
}

/** Bytes of the valid UTF-8 character that starts at `i`, or 0. */
function utf8LengthAt(bytes: Buffer, i: number): number {
  const first = bytes[i] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return i + length <= bytes.length && isUtf8(bytes.subarray(i, i + length)) ? length : 0;
}

function quote(text: string): string {
  return `\`${text.length > 200 ? `${text.slice(0, 200)}…` : text}\``;
}
