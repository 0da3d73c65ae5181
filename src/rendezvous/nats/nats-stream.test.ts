import { once } from 'node:events';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { STREAM_SILENT_HEARTBEATS, STREAM_WINDOW_BYTES } from './limits.js';
import { NatsStream } from './nats-stream.js';
import { decodeStreamMessage } from './stream-message.js';

type Side = 'opener' | 'accepter';

/** Two ends with a wire between that delivers later, in order, and may be told to lose a message. */
function connectedPair({ loses = () => false }: { loses?: (from: Side, number: number) => boolean } = {}) {
  const underWay = { opener: 0, accepter: 0 };
  const sent = { opener: 0, accepter: 0 };
  const closed: Partial<Record<Side, string | undefined>> = {};
  const ends: Partial<Record<Side, NatsStream>> = {};
  const link = (from: Side, to: Side) => ({
    send(bytes: Buffer) {
      if (loses(from, sent[from]++)) return;
      const message = decodeStreamMessage(Buffer.from(bytes));
      if (!message) throw new Error('not a message');
      underWay[from] += bytes.length;
      setImmediate(() => {
        underWay[from] -= bytes.length;
        ends[to]?.receive(message);
      });
    },
    closed(reason: string | undefined) {
      closed[from] = reason;
      delete ends[from];
    },
  });
  const accepter = new NatsStream('accepts', link('accepter', 'opener'));
  ends.accepter = accepter;
  const opener = new NatsStream('opens', link('opener', 'accepter'));
  ends.opener = opener;
  return { opener, accepter, underWay, closed };
}

/** Unlike an iterator, leaves the other direction alone. */
async function readAll(end: NatsStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  end.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(end, 'end');
  return Buffer.concat(chunks);
}

function numbered(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i % 251) + (i >> 16)));
}

test('all bytes arrive in order in both directions, however they are cut into chunks', async () => {
  const length = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 200_000 }));
  const lengths = fc.array(length, { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(lengths, lengths, async (lengthsThere, lengthsBack) => {
      const there = lengthsThere.map(numbered);
      const back = lengthsBack.map(numbered);
      const { opener, accepter, closed } = connectedPair();
      const [atAccepter, atOpener] = await Promise.all([
        readAll(accepter),
        readAll(opener),
        pipeline(Readable.from(there), opener),
        pipeline(Readable.from(back), accepter),
      ]);
      expect(atAccepter.equals(Buffer.concat(there))).toBe(true);
      expect(atOpener.equals(Buffer.concat(back))).toBe(true);
      await Promise.all([finished(opener), finished(accepter)]);
      expect(closed).toEqual({ opener: undefined, accepter: undefined });
    }),
    { numRuns: 40 },
  );
});

test('a message that gets lost cuts both ends, and nothing after it is delivered', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 30 }),
      fc.constantFrom<Side>('opener', 'accepter'),
      async (lost, from) => {
        const { opener, accepter, closed } = connectedPair({ loses: (side, n) => side === from && n === lost });
        const bytes = numbered(300_000);
        const received: Buffer[] = [];
        accepter.on('data', (chunk: Buffer) => received.push(chunk));
        opener.resume();
        const over = Promise.all([once(opener, 'close'), once(accepter, 'close')]);
        for (let at = 0; at < bytes.length; at += 20_000) opener.write(bytes.subarray(at, at + 20_000));
        opener.end();
        accepter.end('done');
        // What shows the loss where nothing follows is the heartbeat.
        const beat = setInterval(() => {
          opener.heartbeat();
          accepter.heartbeat();
        }, 1);
        await over;
        clearInterval(beat);
        const all = Buffer.concat(received);
        expect(all.equals(bytes.subarray(0, all.length))).toBe(true);
        if (all.length < bytes.length) expect(closed.accepter).toEqual(expect.any(String));
      },
    ),
    { numRuns: 40 },
  );
});

test('a sender waits when the other end does not read, and goes on when it does', async () => {
  const { opener, accepter } = connectedPair();
  let taken = 0;
  const chunk = Buffer.alloc(10_000, 1);
  while (opener.write(chunk)) taken++;
  const full = await new Promise<number>((resolve) => {
    let quiet = 0;
    const more = () => {
      if (opener.writableNeedDrain) quiet++;
      else {
        quiet = 0;
        while (opener.write(chunk)) taken++;
      }
      if (quiet > 50) resolve(taken);
      else setImmediate(more);
    };
    more();
  });
  expect(full * chunk.length).toBeLessThan(2 * STREAM_WINDOW_BYTES);
  expect(accepter.readableLength).toBeLessThan(STREAM_WINDOW_BYTES);
  const drained = once(opener, 'drain');
  accepter.resume();
  await drained;
});

test('a window of tiny messages is full long before it takes much memory', async () => {
  const { opener, underWay } = connectedPair();
  let messages = 0;
  for (let quiet = 0; quiet < 50; quiet++) {
    if (!opener.writableNeedDrain && opener.writableLength === 0) {
      opener.write('x');
      messages++;
      quiet = 0;
    }
    await new Promise(setImmediate);
  }
  expect(underWay.opener).toBe(0);
  expect(messages).toBeLessThan(STREAM_WINDOW_BYTES / 64 + 10);
});

test('an end that is destroyed cuts the other one, without an error event and without an end', async () => {
  const { opener, accepter, closed } = connectedPair();
  const ended = vi.fn();
  accepter.on('end', ended).resume();
  opener.write('some');
  await once(accepter, 'data');
  opener.destroy();
  await once(accepter, 'close');
  expect(ended).not.toHaveBeenCalled();
  expect(closed.accepter).toContain('the other end cut it');
});

test('an end that is not heard any more is cut after three heartbeats of ours', async () => {
  const { opener, closed } = connectedPair({ loses: () => true });
  for (let beat = 0; beat < STREAM_SILENT_HEARTBEATS; beat++) opener.heartbeat();
  expect(opener.destroyed).toBe(false);
  opener.heartbeat();
  await once(opener, 'close');
  expect(closed.opener).toContain('nothing was heard');
});

test('what waits to be read when both directions have ended is not lost with the other end', async () => {
  const { opener, accepter, underWay } = connectedPair();
  opener.end('the last words');
  accepter.end();
  opener.resume();
  await once(opener, 'close');
  while (underWay.opener > 0) await new Promise(setImmediate);
  for (let beat = 0; beat < 10; beat++) accepter.heartbeat();
  expect(await readAll(accepter)).toEqual(Buffer.from('the last words'));
});

test('a sender that ignores the window is cut', async () => {
  const { accepter, closed } = connectedPair();
  for (let sequence = 0; !accepter.destroyed && sequence < 100; sequence++) {
    accepter.receive({ kind: 'data', sequence, payload: Buffer.alloc(64 * 1024) });
  }
  expect(accepter.destroyed).toBe(true);
  await once(accepter, 'close');
  expect(closed.accepter).toContain('more than there was room for');
});
