import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import type { Channel, ChannelHandlers } from '../../src/rpc/channel.js';
import { DrainGate } from '../../src/transport/drain-gate.js';
import { deferred, startPeer, until } from '../harness/index.js';

const LIMIT = 10_000;
vi.mock('../../src/rpc/limits.js', async (original) => ({
  ...(await original<object>()),
  MAX_INBOUND_BYTES: 10_000,
  MAX_OUTBOUND_BYTES: 10_000,
}));

afterAll(() => {
  vi.restoreAllMocks();
});

/** A channel whose other side is the test: what comes, and when what was sent has left. */
class ScriptedChannel implements Channel {
  readonly description = 'scripted';
  readonly sent: string[] = [];
  paused = false;
  handlers: ChannelHandlers | undefined;
  readonly #gate = new DrainGate(1_000);

  start(handlers: ChannelHandlers): void {
    this.handlers = handlers;
  }
  send(text: string): void {
    this.sent.push(text);
    this.#gate.add(text.length);
  }
  get queuedBytes(): number {
    return this.#gate.queuedBytes;
  }
  drained(): Promise<void> | undefined {
    return this.#gate.drained();
  }
  /** Everything that was sent has left. */
  drain(): void {
    this.#gate.remove(this.#gate.queuedBytes);
  }
  pauseReading(): void {
    this.paused = true;
  }
  resumeReading(): void {
    this.paused = false;
  }
  probe(): Promise<boolean> {
    return Promise.resolve(true);
  }
  close(): void {
    this.handlers?.closed({ reason: 'closed' });
  }
  terminate(): void {
    this.close();
  }
}

let channel: ScriptedChannel;
beforeEach(() => {
  channel = new ScriptedChannel();
});

const request = (id: number, bytes: number) => JSON.stringify({ id, method: 'm', params: 'x'.repeat(bytes) });

test('reading stops while more is being worked on than the limit, and goes on when enough is done', async () => {
  const works = [deferred(), deferred(), deferred()];
  let next = 0;
  startPeer(channel, () => works[next++]?.promise ?? Promise.resolve());
  channel.handlers?.message(request(1, LIMIT / 2));
  expect(channel.paused).toBe(false);
  channel.handlers?.message(request(2, LIMIT / 2));
  expect(channel.paused).toBe(true);
  channel.handlers?.message(request(3, LIMIT / 2));
  works[0]?.resolve();
  await until(() => channel.sent.length === 1);
  expect(channel.paused).toBe(true);
  works[1]?.resolve();
  await until(() => !channel.paused);
  works[2]?.resolve();
  await until(() => channel.sent.length === 3);
  expect(channel.paused).toBe(false);
});

test('a request that fails is worked off too', async () => {
  startPeer(channel, () => Promise.reject(new Error('no')));
  channel.handlers?.message(request(1, 2 * LIMIT));
  expect(channel.paused).toBe(true);
  await until(() => !channel.paused);
});

test('reading stops while more answers are queued than the limit, and goes on when they have left', async () => {
  startPeer(channel, async () => 'x'.repeat(2 * LIMIT));
  channel.handlers?.message(request(1, 1));
  await until(() => channel.paused);
  channel.drain();
  await until(() => !channel.paused);
});

test('reading goes on after the answers have left, though it had stopped for the requests', async () => {
  const work = deferred<string>();
  startPeer(channel, () => work.promise);
  channel.handlers?.message(request(1, 2 * LIMIT));
  expect(channel.paused).toBe(true);
  work.resolve('x'.repeat(2 * LIMIT));
  await until(() => channel.sent.length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(channel.paused).toBe(true);
  channel.drain();
  await until(() => !channel.paused);
});
