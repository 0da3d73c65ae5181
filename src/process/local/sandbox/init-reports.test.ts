import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InitReports } from './init-reports.js';

function record(letter: string, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.write(letter, 1);
  bytes.writeInt32LE(value, 4);
  return bytes;
}

test('messages and reports are told apart however they are cut', () => {
  const bytes = Buffer.concat([
    Buffer.from('bwrap: warning\n'),
    record('s', 0),
    record('f', 2),
    record('x', 0x0100_0000),
    Buffer.from('bwrap: late\n'),
  ]);
  const cut = fc.array(fc.integer({ min: 0, max: bytes.length })).map((at) => [0, ...at.sort((a, b) => a - b)]);
  fc.assert(
    fc.property(cut, (starts) => {
      const reports = new InitReports();
      const chunks = starts.map((start, i) => bytes.subarray(start, starts[i + 1] ?? bytes.length));
      expect(chunks.flatMap((chunk) => reports.add(chunk))).toEqual([
        { type: 'started' },
        { type: 'failed', step: 'exec', errno: 2 },
        { type: 'ended', status: 0x0100_0000 },
      ]);
      expect(reports.text).toBe('bwrap: warning\nbwrap: late');
    }),
  );
});
