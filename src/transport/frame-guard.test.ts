import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrame, encodeHeader, Opcode } from '../../test/harness/raw-websocket.js';
import { FrameGuard } from './frame-guard.js';

const MIB = 1024 * 1024;
const LIMITS = { maxFrameBytes: 200, maxMessageBytes: 500 };

/** A message in fragments, with control frames between them where the sender felt like it. */
const message = fc
  .array(fc.record({ size: fc.nat({ max: 260 }), ping: fc.boolean() }), { minLength: 1, maxLength: 5 })
  .map((fragments) =>
    fragments.flatMap(({ size, ping }, i) => [
      { size, opcode: i === 0 ? Opcode.text : Opcode.continuation, fin: i === fragments.length - 1 },
      ...(ping ? [{ size: size % 126, opcode: Opcode.ping, fin: true }] : []),
    ]),
  );
const frames = fc.array(message, { minLength: 1, maxLength: 4 }).map((messages) => messages.flat());
type AnyFrame = { size: number; opcode: number; fin: boolean };

const encode = (list: AnyFrame[]) =>
  Buffer.concat(list.map(({ size, ...frame }) => encodeFrame({ ...frame, payload: Buffer.alloc(size, 0x81) })));

/** What is wrong with them, by the rules and not by the bytes. */
function verdictOf(list: AnyFrame[]): string | undefined {
  let inMessage = 0;
  for (const { size, opcode, fin } of list.filter((frame) => frame.opcode < 8)) {
    inMessage = opcode === Opcode.text ? size : inMessage + size;
    if (size > LIMITS.maxFrameBytes) return 'frame';
    if (inMessage > LIMITS.maxMessageBytes) return 'message';
    if (fin) inMessage = 0;
  }
  return undefined;
}

function inspectAll(guard: FrameGuard, chunks: Buffer[], limits = LIMITS): string | undefined {
  for (const chunk of chunks) {
    const problem = guard.inspect(chunk, limits);
    if (problem) return problem;
  }
  return undefined;
}

test('however the bytes are cut into chunks, the verdict is that of the frames', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat()), (list, cuts) => {
      const bytes = encode(list);
      const ends = [...new Set([...cuts.map((cut) => cut % bytes.length), bytes.length])].sort((a, b) => a - b);
      const chunks = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
      const problem = inspectAll(new FrameGuard(), chunks);
      const kind = verdictOf(list);
      if (kind === undefined) expect(problem).toBeUndefined();
      else
        expect(problem).toMatch(kind === 'frame' ? /^a frame of \d+ bytes came/ : /^a message of more than 500 bytes/);
    }),
    { numRuns: 1_000 },
  );
});

test('byte by byte is a way to cut too', () => {
  fc.assert(
    fc.property(frames, (list) => {
      const chunks = [...encode(list)].map((byte) => Buffer.from([byte]));
      expect(inspectAll(new FrameGuard(), chunks) === undefined).toBe(verdictOf(list) === undefined);
    }),
    { numRuns: 50 },
  );
});

describe('sizes', () => {
  const limits = { maxFrameBytes: 16 * MIB, maxMessageBytes: 64 * MIB };
  const header = (payloadBytes: number) => Buffer.concat([encodeHeader({ payloadBytes }), Buffer.alloc(4)]);

  test.each([125, 126, 65_535, 65_536, 16 * MIB])('a frame of %i bytes passes', (size) => {
    expect(new FrameGuard().inspect(header(size), limits)).toBeUndefined();
  });

  test.each([16 * MIB + 1, 2 ** 32, 2 ** 53, 2 ** 62])('a frame of %i bytes is refused by its header alone', (size) => {
    expect(new FrameGuard().inspect(header(size), limits)).toContain(`a frame of ${size} bytes came`);
  });

  test('a limit that is raised counts from the next frame on', () => {
    const guard = new FrameGuard();
    expect(inspectAll(guard, [encode([{ size: 150, opcode: Opcode.text, fin: true }])])).toBeUndefined();
    const large = encode([{ size: 400, opcode: Opcode.text, fin: true }]);
    expect(inspectAll(guard, [large], { maxFrameBytes: 400, maxMessageBytes: 500 })).toBeUndefined();
    expect(inspectAll(guard, [large])).toContain('a frame of 400 bytes');
  });
});
