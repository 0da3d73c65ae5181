import type { Collected } from './head-tail-buffer.js';
import { BYTES_PER_TOKEN } from './limits.js';
import { incompleteTailBytes, wholeHead, wholeTail } from './utf8.js';

export interface TruncatedOutput {
  /** For the model: with a header and a marker where something is missing. */
  text: string;
  /** Of all output, what is missing included. */
  originalTokenCount: number;
  truncated: boolean;
}

/** How many tokens so many bytes are taken for. */
export function tokensOf(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

/** Cuts the middle out of output of more than `maxTokens`, never inside a character. The wording is that of Codex 0.169. */
export function truncateOutput({ head, tail, omittedBytes }: Collected, maxTokens: number): TruncatedOutput {
  const originalTokenCount = tokensOf(head.length + omittedBytes + tail.length);
  const omission = omittedBytes > 0 ? `... ${omittedBytes} bytes omitted ...` : '';
  const whole = omission ? joinAtGap(head, omission, tail) : Buffer.concat([head, tail]);
  // Cut by the bytes of what will be shown: a byte that is no UTF-8 is shown as a character of three.
  const bytes = Buffer.from(whole.toString('utf8'));
  const maxBytes = maxTokens * BYTES_PER_TOKEN;
  if (bytes.length <= maxBytes) {
    return { text: bytes.toString('utf8'), originalTokenCount, truncated: omittedBytes > 0 };
  }
  const headBytes = Math.floor(maxBytes / 2);
  const kept = [wholeHead(bytes, headBytes), wholeTail(bytes, maxBytes - headBytes)];
  const [first, last] = kept.map((part) => part.toString('utf8'));
  const text = [
    `Warning: truncated output (original token count: ${originalTokenCount})`,
    omission || `Total output lines: ${lineCount(bytes)}`,
    '',
    `${first}…${tokensOf(bytes.length - maxBytes)} tokens truncated…${last}`,
  ].join('\n');
  return { text, originalTokenCount, truncated: true };
}

/** The gap may have gone through a character: what is left of it on either side is dropped with the gap. */
function joinAtGap(head: Buffer, omission: string, tail: Buffer): Buffer {
  let start = 0;
  while (start < 3 && start < tail.length && ((tail[start] ?? 0) & 0xc0) === 0x80) start++;
  const cleanHead = head.subarray(0, head.length - incompleteTailBytes(head));
  return Buffer.concat([cleanHead, Buffer.from(`\n${omission}\n`), tail.subarray(start)]);
}

/** As most tools count: a last line without a newline counts as one. */
function lineCount(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) lines++;
  return bytes.length > 0 && bytes.at(-1) !== 0x0a ? lines + 1 : lines;
}
