import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeadTailBuffer } from './head-tail-buffer.js';
import { truncateOutput } from './truncate-output.js';
import { incompleteTailBytes } from './utf8.js';

const whole = (text: string) => ({ head: Buffer.from(text), tail: Buffer.alloc(0), omittedBytes: 0 });

test('the buffer keeps the beginning and the end, whatever the chunks, and counts the rest', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 2, max: 60 }), (chunks, maxBytes) => {
      const buffer = new HeadTailBuffer(maxBytes);
      for (const chunk of chunks) buffer.append(Buffer.from(chunk));
      const all = Buffer.concat(chunks);
      const { head, tail, omittedBytes } = buffer.take();
      const headBytes = Math.min(all.length, Math.floor(maxBytes / 2));
      expect(omittedBytes).toBe(Math.max(0, all.length - maxBytes));
      expect(head).toEqual(all.subarray(0, headBytes));
      expect(tail).toEqual(all.subarray(headBytes + omittedBytes));
      expect(buffer.take()).toEqual({ head: Buffer.alloc(0), tail: Buffer.alloc(0), omittedBytes: 0 });
    }),
  );
});

test('a UTF-8 text that is cut anywhere ends in an incomplete character exactly where one was cut', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), (text, at) => {
      const bytes = Buffer.from(text);
      const cut = bytes.subarray(0, at % (bytes.length + 1));
      const complete = cut.subarray(0, cut.length - incompleteTailBytes(cut));
      expect(complete.toString('utf8')).not.toContain('\ufffd');
      expect(cut.length - complete.length).toBeLessThan(4);
    }),
  );
});

// Seen of Codex 0.169.
test.each([
  ['hi\n', 10, 'hi\n', 1],
  ['', 10, '', 0],
  [
    'abcdefgh\n',
    0,
    'Warning: truncated output (original token count: 3)\nTotal output lines: 1\n\n…3 tokens truncated…',
    3,
  ],
  [
    'abcdefgh\n',
    1,
    'Warning: truncated output (original token count: 3)\nTotal output lines: 1\n\nab…2 tokens truncated…h\n',
    3,
  ],
  [
    'é€😀'.repeat(100),
    20,
    'Warning: truncated output (original token count: 225)\nTotal output lines: 1\n\né€😀é€😀é€😀é€😀é…205 tokens truncated…😀é€😀é€😀é€😀é€😀',
    225,
  ],
])('%j within %i tokens is what Codex makes of it', (text, maxTokens, expected, tokens) => {
  expect(truncateOutput(whole(text), maxTokens)).toMatchObject({ text: expected, originalTokenCount: tokens });
});

test('what the buffer dropped is marked where it was, and said first where the marker is cut out too', () => {
  const collected = { head: Buffer.from('begin'), tail: Buffer.from('end'), omittedBytes: 1_000 };
  expect(truncateOutput(collected, 100)).toEqual({
    text: 'begin\n... 1000 bytes omitted ...\nend',
    originalTokenCount: 252,
    truncated: true,
  });
  expect(truncateOutput(collected, 2).text).toBe(
    'Warning: truncated output (original token count: 252)\n... 1000 bytes omitted ...\n\nbegi…7 tokens truncated…\nend',
  );
});

test('a character that the gap of the buffer went through is dropped with it', () => {
  const euro = Buffer.from('€');
  const collected = { head: euro.subarray(0, 2), tail: euro.subarray(1), omittedBytes: 9 };
  expect(truncateOutput(collected, 100).text).toBe('\n... 9 bytes omitted ...\n');
});
