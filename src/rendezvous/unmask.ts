import { createRequire } from 'node:module';
import { endianness } from 'node:os';

/** XORs `bytes` with the mask of four bytes, in place. */
type Unmask = (bytes: Buffer, mask: Buffer) => void;

/** Below this a call into native code costs more than it saves. */
const NATIVE_FROM_BYTES = 64;

/** Four bytes at a time, where they lie so that it can be. */
export function unmaskWithWords(bytes: Buffer, mask: Buffer): void {
  const lead = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length);
  for (let i = 0; i < lead; i++) bytes[i] = (bytes[i] ?? 0) ^ (mask[i] ?? 0);
  if (lead === bytes.length) return;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + lead, (bytes.length - lead) >> 2);
  const at = (i: number) => mask[(lead + i) & 3] ?? 0;
  const word =
    endianness() === 'LE'
      ? at(0) | (at(1) << 8) | (at(2) << 16) | (at(3) << 24)
      : (at(0) << 24) | (at(1) << 16) | (at(2) << 8) | at(3);
  for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) ^ word;
  for (let i = lead + words.length * 4; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ (mask[i & 3] ?? 0);
}

function loadNative(): Unmask {
  try {
    const { unmask } = createRequire(import.meta.url)('bufferutil') as { unmask: Unmask };
    return (bytes, mask) => (bytes.length < NATIVE_FROM_BYTES ? unmaskWithWords(bytes, mask) : unmask(bytes, mask));
  } catch {
    return unmaskWithWords; // an optional dependency: it does not build everywhere
  }
}

export const unmask: Unmask = loadNative();
