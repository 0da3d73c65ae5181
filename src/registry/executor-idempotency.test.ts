import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { idempotencyId } from './executor-idempotency.js';

test('the id is the hash of executor, name, version and the 16 bytes of the run, as 0.129.0 makes it', () => {
  const run = '00112233-4455-6677-8899-aabbccddeeff';
  const bytes = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
  const hash = createHash('sha256').update(Buffer.concat([Buffer.from('ex-1\0box\0codex-exec-server-v1\0'), bytes]));
  expect(idempotencyId('ex-1', 'box', run)).toBe(`codex-exec-server-${hash.digest('hex')}`);
});

test('every run has another', () => {
  expect(idempotencyId('ex-1', 'box')).not.toBe(idempotencyId('ex-1', 'box'));
});
