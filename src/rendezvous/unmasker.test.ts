import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, Opcode } from '../../test/harness/index.js';
import { FrameError } from './frame-cursor.js';
import { unmask, unmaskWithWords } from './unmask.js';
import { Unmasker } from './unmasker.js';

// Exported, and not among its types.
const { Receiver } = createRequire(import.meta.url)('ws') as { Receiver: new (options: object) => Writable };

const dataFrame = fc.record({
  opcode: fc.constantFrom(Opcode.text, Opcode.binary, Opcode.continuation),
  fin: fc.boolean(),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ minLength: 126, maxLength: 130, size: 'max' }),
    fc.integer({ min: 65_530, max: 70_000 }).map((bytes) => new Uint8Array(bytes).fill(bytes & 0xff)),
  ),
});
const controlFrame = fc.record({
  opcode: fc.constantFrom(Opcode.ping, Opcode.pong),
  fin: fc.constant(true),
  payload: fc.uint8Array({ maxLength: 125 }),
});
const frames = fc.array(
  fc.oneof(dataFrame, controlFrame).map(({ payload, ...frame }) => ({ ...frame, payload: Buffer.from(payload) })),
  { maxLength: 8 },
);
const cuts = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1 });

/** `bytes` in copies of the given lengths, over and over. */
function* chopped(bytes: Buffer, lengths: number[]): Iterable<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    yield Buffer.from(bytes.subarray(at, at + length));
    at += length;
  }
}

/** The frame as a server sends it. */
function unmasked({ fin, opcode, payload }: { fin: boolean; opcode: number; payload: Buffer }): Buffer {
  const masked = encodeFrame({ fin, opcode, payload });
  const headerBytes = masked.length - payload.length - 4;
  const header = Buffer.from(masked.subarray(0, headerBytes));
  header[1] = (header[1] ?? 0) & 0x7f;
  return Buffer.concat([header, payload]);
}

test('any frames, cut anywhere, come out as they are where frames are not masked', () => {
  fc.assert(
    fc.property(frames, cuts, (sent, lengths) => {
      const unmasker = new Unmasker();
      const out = [...chopped(Buffer.concat(sent.map(encodeFrame)), lengths)].map((chunk) => unmasker.push(chunk));
      expect(Buffer.concat(out).equals(Buffer.concat(sent.map(unmasked)))).toBe(true);
    }),
  );
});

test('ws reads the same messages from what comes out as from what went in', async () => {
  const message = fc.record({ binary: fc.boolean(), payload: fc.uint8Array({ maxLength: 70_000, size: 'max' }) });
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 5 }), cuts, async (messages, lengths) => {
      const sent = Buffer.concat(
        messages.map(({ binary, payload }) =>
          encodeFrame({ opcode: binary ? Opcode.binary : Opcode.text, payload: Buffer.from(payload) }),
        ),
      );
      const unmasker = new Unmasker();
      const there = await received(
        false,
        [...chopped(sent, lengths)].map((chunk) => unmasker.push(chunk)),
      );
      expect(there).toEqual(await received(true, [sent]));
      expect(there).toEqual(messages.map(({ payload }) => Buffer.from(payload).toString('hex')));
    }),
    { numRuns: 30 },
  );
});

async function received(isServer: boolean, chunks: Buffer[]): Promise<string[]> {
  const receiver = new Receiver({ isServer, skipUTF8Validation: true });
  const messages: string[] = [];
  receiver.on('message', (data: Buffer) => messages.push(data.toString('hex')));
  for (const chunk of chunks) await new Promise((resolve) => receiver.write(Buffer.from(chunk), resolve));
  await new Promise(setImmediate);
  return messages;
}

test('the close frame is the last that comes out', () => {
  const unmasker = new Unmasker();
  const close = { fin: true, opcode: Opcode.close, payload: Buffer.from([3, 232]) };
  const out = unmasker.push(Buffer.concat([encodeFrame(close), encodeFrame({ payload: Buffer.from('more') })]));
  expect(out.equals(unmasked(close))).toBe(true);
  expect(unmasker.closed).toBe(true);
  expect(unmasker.push(encodeFrame({ payload: Buffer.from('more') })).length).toBe(0);
});

test.each([
  ['a frame that is not masked', Buffer.from([0x81, 0x01, 0x41]), /not masked/],
  ['a reserved bit', Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), /reserved bits/],
  ['an unknown opcode', Buffer.from([0x83, 0x80, 0, 0, 0, 0]), /unknown opcode 3/],
  ['a control frame of 126 bytes', Buffer.from([0x89, 0xfe, 0, 126]), /more than 125 bytes/],
  ['a control frame in parts', Buffer.from([0x09, 0x80, 0, 0, 0, 0]), /fragmented/],
  ['a length beyond 2^53', Buffer.from([0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), /2\^53/],
])('%s is refused', (_name, bytes, problem) => {
  const push = () => new Unmasker().push(Buffer.from(bytes));
  expect(push).toThrow(FrameError);
  expect(push).toThrow(problem);
});

test('words and native code unmask alike, wherever the bytes lie in memory', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300, size: 'max' }),
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.integer({ min: 0, max: 7 }),
      (bytes, mask, offset) => {
        const expected = Buffer.from(bytes.map((byte, i) => byte ^ (mask[i & 3] ?? 0)));
        for (const method of [unmask, unmaskWithWords]) {
          const place = Buffer.alloc(offset + bytes.length).subarray(offset);
          place.set(bytes);
          method(place, Buffer.from(mask));
          expect(place.equals(expected)).toBe(true);
        }
      },
    ),
  );
});
