/** Frames of RFC 6455, section 5.5, as a server sends them: unmasked, in one piece, at most 125 bytes. */
function controlFrame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]);
}

/** `reason`: at most 123 bytes. */
export function closeFrame(code: number, reason: string): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return controlFrame(8, payload);
}

export function pingFrame(): Buffer {
  return controlFrame(9, Buffer.alloc(0));
}

export function pongFrame(payload: Buffer): Buffer {
  return controlFrame(10, payload);
}
