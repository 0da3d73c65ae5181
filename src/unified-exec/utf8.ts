/** How many bytes at the end of `bytes` are the beginning of a UTF-8 character whose rest is yet to come: 0 to 3. */
export function incompleteTailBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    return characterBytes(byte) > back ? back : 0;
  }
  return 0;
}

/** The longest beginning of at most `maxBytes` that does not end inside a character. */
export function wholeHead(bytes: Buffer, maxBytes: number): Buffer {
  let end = Math.min(maxBytes, bytes.length);
  while (end > 0 && end < bytes.length && isContinuation(bytes[end] ?? 0)) end--;
  return bytes.subarray(0, end);
}

/** The longest end of at most `maxBytes` that does not begin inside a character. */
export function wholeTail(bytes: Buffer, maxBytes: number): Buffer {
  let start = Math.max(0, bytes.length - maxBytes);
  while (start > 0 && start < bytes.length && isContinuation(bytes[start] ?? 0)) start++;
  return bytes.subarray(start);
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0;
}

/** How long the character is that begins with this byte; 1 for a byte that begins none. */
function characterBytes(first: number): number {
  if (first >= 0xf0 && first < 0xf8) return 4;
  if (first >= 0xe0) return first < 0xf0 ? 3 : 1;
  return first >= 0xc2 ? 2 : 1;
}
