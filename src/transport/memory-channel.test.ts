import { expect, test, vi } from 'vitest';
import type { Channel, CloseInfo } from '../rpc/channel.js';
import { memoryChannelPair } from './memory-channel.js';

function listen(channel: Channel) {
  const messages: string[] = [];
  const ends: CloseInfo[] = [];
  channel.start({ message: (text) => messages.push(text), unreadable: vi.fn(), closed: (info) => ends.push(info) });
  return { messages, ends };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('delivers in order, never in the same tick', async () => {
  const [a, b] = memoryChannelPair();
  const { messages } = listen(b);
  a.send('1');
  a.send('2');
  expect(messages).toEqual([]);
  await turn();
  expect(messages).toEqual(['1', '2']);
});

test('keeps what comes before anybody listens, and while reading is paused', async () => {
  const [a, b] = memoryChannelPair();
  a.send('early');
  await turn();
  const { messages } = listen(b);
  await turn();
  expect(messages).toEqual(['early']);
  b.pauseReading();
  a.send('paused');
  await turn();
  expect(messages).toEqual(['early']);
  expect(a.queuedBytes).toBe(6);
  b.resumeReading();
  await turn();
  expect(messages).toEqual(['early', 'paused']);
  expect(a.queuedBytes).toBe(0);
});

test('closing flushes, tells both sides once, and drops what comes later', async () => {
  const [a, b] = memoryChannelPair();
  const atA = listen(a);
  const atB = listen(b);
  a.send('last');
  a.close(1000, 'done');
  await turn();
  await turn();
  a.send('late');
  b.close(1001, 'again');
  b.terminate('again');
  await turn();
  expect(atB.messages).toEqual(['last']);
  expect([atA.ends, atB.ends]).toEqual([[{ code: 1000, reason: 'done' }], [{ code: 1000, reason: 'done' }]]);
  expect(await a.probe(1)).toBe(false);
});

test('terminating ends both sides at once; the other side sees no close frame', () => {
  const [a, b] = memoryChannelPair();
  const atA = listen(a);
  const atB = listen(b);
  a.terminate('cut');
  expect(atA.ends).toEqual([{ reason: 'cut' }]);
  expect(atB.ends).toEqual([{ code: 1006, reason: 'the other side is gone' }]);
});
