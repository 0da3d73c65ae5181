import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { within } from '../../test/harness/until.js';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import type { CloseInfo } from '../rpc/channel.js';
import { LineChannel } from './line-channel.js';

function open(output: Writable = new PassThrough()) {
  const input = new PassThrough({ highWaterMark: 1024 * 1024 });
  const release = vi.fn();
  const channel = new LineChannel(input, output, { description: 'test', release });
  const messages: string[] = [];
  const unreadable: string[] = [];
  const closed = new Promise<CloseInfo>((resolve) => {
    channel.start({
      message: (text) => messages.push(text),
      unreadable: (reason) => unreadable.push(reason),
      closed: resolve,
    });
  });
  return {
    input,
    output,
    channel,
    messages,
    unreadable,
    closed: within(closed, 5_000, 'the end of the channel'),
    release,
  };
}

/** An output whose reader takes nothing until it is told to. */
class Stuck extends Writable {
  readonly taken: string[] = [];
  #go: (() => void) | undefined;
  #open = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.taken.push(chunk.toString());
    if (this.#open) done();
    else this.#go = done;
  }

  flow(): void {
    this.#open = true;
    this.#go?.();
  }
}

describe('reading', () => {
  test('one message per line, whatever the chunks', async () => {
    const { input, messages, closed } = open();
    for (const chunk of ['{"a"', ':1}\n{"b":2}\n{"', 'c":3}', '\n']) input.write(chunk);
    input.end();
    await closed;
    expect(messages).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
  });

  test('CRLF ends a line too, and blank lines are nothing', async () => {
    const { input, messages, closed } = open();
    input.end('\n\r\n{"a":1}\r\n  \t\n\n{"b":2}\n');
    await closed;
    expect(messages.map((text) => JSON.parse(text))).toEqual([{ a: 1 }, { b: 2 }]);
  });

  test('a last line without its newline counts', async () => {
    const { input, messages, closed } = open();
    input.end('{"a":1}\n{"last":1}');
    expect(await closed).toEqual({ reason: 'end of input' });
    expect(messages).toEqual(['{"a":1}', '{"last":1}']);
  });

  test('a character that is split between chunks is whole', async () => {
    const { input, messages, closed } = open();
    const bytes = Buffer.from('"€😀"\n');
    for (const byte of bytes) input.write(Buffer.from([byte]));
    input.end();
    await closed;
    expect(messages).toEqual(['"€😀"']);
  });

  test('a line that is not UTF-8 is reported, and the next is read', async () => {
    const { input, messages, unreadable, closed } = open();
    input.end(Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n{"b":2}\n')]));
    await closed;
    expect(unreadable).toEqual(['the line is not UTF-8 text']);
    expect(messages).toEqual(['{"b":2}']);
  });

  test('a line of 64 MiB is read; a longer one ends the channel with a reason', async () => {
    const { input, messages, closed, release } = open();
    const mib = Buffer.alloc(1024 * 1024, 'x');
    const write = async (chunk: Buffer | string) => {
      if (!input.write(chunk)) await Promise.race([once(input, 'drain'), once(input, 'close')]);
    };
    for (let i = 0; i < 64; i++) await write(mib);
    await write('\n');
    for (let i = 0; i < 65 && !input.destroyed; i++) await write(mib);
    expect(await closed).toEqual({ code: 1009, reason: `a line of more than ${MAX_MESSAGE_BYTES} bytes came` });
    expect(messages.map((text) => text.length)).toEqual([MAX_MESSAGE_BYTES]);
    expect(release).toHaveBeenCalledTimes(1);
  });

  test('nothing is delivered while reading is paused', async () => {
    const { input, channel, messages, closed } = open();
    channel.pauseReading();
    input.write('{"a":1}\n');
    await new Promise((resolve) => setImmediate(resolve));
    expect(messages).toEqual([]);
    channel.resumeReading();
    input.end();
    await closed;
    expect(messages).toEqual(['{"a":1}']);
  });

  test('an input that breaks ends the channel with why', async () => {
    const { input, closed, release } = open();
    input.destroy(new Error('EIO'));
    expect(await closed).toEqual({ reason: 'reading failed: EIO' });
    expect(release).toHaveBeenCalledTimes(1);
  });
});

describe('writing', () => {
  test('one line per message, in order', async () => {
    const { output, channel, closed } = open();
    channel.send('{"a":"é"}');
    channel.send('{"b":2}', 'latin1');
    channel.close(1000, 'done');
    await closed;
    expect((output as PassThrough).read().toString()).toBe('{"a":"é"}\n{"b":2}\n');
  });

  test('counts what has not left, and lets its producers wait', async () => {
    const stuck = new Stuck();
    const { channel } = open(stuck);
    expect(channel.drained()).toBeUndefined();
    channel.send('x'.repeat(600_000));
    expect(channel.queuedBytes).toBe(600_001);
    const drained = channel.drained();
    stuck.flow();
    await drained;
    expect(channel.queuedBytes).toBe(0);
  });

  test('nobody waits for a channel that has ended', async () => {
    const { channel, closed } = open(new Stuck());
    channel.send('x'.repeat(600_000));
    const drained = channel.drained();
    channel.terminate('enough');
    await drained;
    expect(await closed).toEqual({ reason: 'enough' });
    expect(channel.drained()).toBeUndefined();
  });
});

describe('closing', () => {
  test('flushes what is queued first', async () => {
    const stuck = new Stuck();
    const { channel, closed } = open(stuck);
    for (const n of [1, 2, 3]) channel.send(`{"n":${n}}`);
    channel.close(1001, 'going away');
    channel.send('{"too":"late"}');
    stuck.flow();
    expect(await closed).toEqual({ code: 1001, reason: 'going away' });
    expect(stuck.taken).toEqual(['{"n":1}\n', '{"n":2}\n', '{"n":3}\n']);
  });

  test('does not wait for ever for a reader that has stopped', async () => {
    vi.useFakeTimers();
    try {
      const { channel, closed } = open(new Stuck());
      channel.send('{"a":1}');
      channel.close(1001, 'going away');
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await closed).toEqual({ code: 1001, reason: 'going away' });
    } finally {
      vi.useRealTimers();
    }
  });

  test('delivers nothing more', async () => {
    const { input, channel, messages, closed } = open(new Stuck());
    channel.close(1002, 'protocol violation');
    input.write('{"a":1}\n');
    input.end();
    await closed;
    expect(messages).toEqual([]);
  });

  test('at the end of the input, what was said before still goes out', async () => {
    const stuck = new Stuck();
    const { input, channel, closed } = open(stuck);
    channel.send('{"answer":1}');
    channel.send('{"answer":2}');
    input.end();
    await new Promise((resolve) => setImmediate(resolve));
    stuck.flow();
    expect(await closed).toEqual({ reason: 'end of input' });
    expect(stuck.taken).toEqual(['{"answer":1}\n', '{"answer":2}\n']);
  });

  test('tells an end that came before anybody listened', async () => {
    const input = new PassThrough();
    const channel = new LineChannel(input, new PassThrough(), { description: 'test' });
    input.destroy();
    await once(input, 'close');
    expect(await channel.probe()).toBe(false);
    const info = await new Promise<CloseInfo>((closed) =>
      channel.start({ message: vi.fn(), unreadable: vi.fn(), closed }),
    );
    expect(info.reason).toBe('input closed');
  });
});
