import { describe, expect, test } from 'vitest';
import { WireError } from '../../src/protocol/errors.js';
import { ConnectionClosedError, RpcTimeoutError, TooManyCallsError } from '../../src/rpc/errors.js';
import { MAX_PENDING_CALLS, RESERVED_PENDING_CALLS } from '../../src/rpc/limits.js';
import { memoryChannelPair } from '../../src/transport/memory-channel.js';
import { deferred, Heard, peerPair, startPeer, until } from '../harness/index.js';

/** A peer whose calls are answered, or not, by the test. */
function openRaw() {
  const [a, b] = memoryChannelPair();
  const heard = new Heard(b);
  const [peer, notes] = startPeer(a, () => Promise.reject(new Error('asks only')));
  return { peer, notes, heard, answer: (text: string) => b.send(text), end: (why: string) => b.close(1001, why) };
}

describe('a call', () => {
  test('resolves with the result, whatever the order of the answers', async () => {
    const { peer, answer } = openRaw();
    const calls = [peer.call('a', {}), peer.call('b', {}), peer.call('c', {})];
    answer('{"id":3,"result":"c"}');
    answer('{"id":1,"result":"a"}');
    answer('{"id":2,"result":null}');
    expect(await Promise.all(calls)).toEqual(['a', null, 'c']);
  });

  test('rejects with the other side’s error, its data kept', async () => {
    const { peer, answer } = openRaw();
    const call = peer.call('m', {});
    answer('{"id":1,"error":{"code":-32010,"message":"no","data":{"kind":"session_attached","retryable":true}}}');
    await expect(call).rejects.toThrow(WireError);
    await expect(call).rejects.toMatchObject({ code: -32010, kind: 'session_attached', data: { retryable: true } });
  });

  test.each([
    [-32600, 'invalid_request'],
    [-32601, 'unknown_method'],
    [-32602, 'invalid_params'],
    [-32004, 'not_found'],
    [-32010, 'session_attached'],
    [-32603, 'internal'],
    [1, 'internal'],
  ])('that is refused with %i and no data gets the kind that the code implies', async (code, kind) => {
    const { peer, answer } = openRaw();
    const call = peer.call('m', {});
    answer(`{"id":1,"error":{"code":${code},"message":"no"}}`);
    await expect(call).rejects.toMatchObject({ code, kind, message: 'no' });
  });

  test('whose params have no JSON rejects, and waits for nothing', async () => {
    const { peer, heard } = openRaw();
    await expect(peer.call('m', { big: 1n }, { timeoutMs: 60_000 })).rejects.toThrow(TypeError);
    // None of the places for waiting calls is taken.
    for (let i = 0; i < MAX_PENDING_CALLS; i++) peer.call('m', {}).catch(() => undefined);
    await heard.count(MAX_PENDING_CALLS);
  });
});

describe('giving up', () => {
  test('at the deadline rejects with a timeout that may have been carried out', async () => {
    const { peer } = openRaw();
    const call = peer.call('slow', {}, { timeoutMs: 20 });
    await expect(call).rejects.toThrow(RpcTimeoutError);
    await expect(call).rejects.toMatchObject({
      code: 'timeout',
      mayHaveExecuted: true,
      message: 'no answer to slow within 20 ms',
    });
  });

  test('by the signal rejects with its reason', async () => {
    const { peer } = openRaw();
    const controller = new AbortController();
    const call = peer.call('m', {}, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
  });

  test('before it was sent sends nothing', async () => {
    const { peer, heard } = openRaw();
    await expect(peer.call('m', {}, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    peer.notify('after', {});
    await heard.count(1);
    expect(heard.messages).toEqual(['{"method":"after","params":{}}']);
  });

  test('makes the late answer nobody’s, once; a second one is stray', async () => {
    const { peer, notes, answer } = openRaw();
    await expect(peer.call('m', {}, { timeoutMs: 1 })).rejects.toThrow(RpcTimeoutError);
    answer('{"id":1,"result":"late"}');
    const next = peer.call('m', {});
    answer('{"id":2,"result":"in time"}');
    expect(await next).toBe('in time');
    expect(notes.strays).toBe(0);
    answer('{"id":1,"error":{"code":1,"message":"again"}}');
    await until(() => notes.strays === 1);
  });

  test('leaves no listener on the signal, nor does an answer', async () => {
    const { peer, answer } = openRaw();
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const answered = peer.call('m', {}, { signal, timeoutMs: 60_000 });
    answer('{"id":1,"result":1}');
    await answered;
    await peer.call('m', {}, { signal, timeoutMs: 1 }).catch(() => undefined);
    expect(listeners).toBe(0);
  });
});

describe('the limit on waiting calls', () => {
  test('refuses one more, keeps places for cleaning up, and frees what is answered', async () => {
    const hold = deferred();
    const { client } = peerPair(async ({ method }) => (method === 'held' ? hold.promise : null));
    const held = Array.from({ length: MAX_PENDING_CALLS }, () => client.call('held', {}));
    await expect(client.call('more', {})).rejects.toThrow(TooManyCallsError);
    await expect(client.call('more', {})).rejects.toMatchObject({ mayHaveExecuted: false, retryable: true });

    const cleaning = Array.from({ length: RESERVED_PENDING_CALLS }, () => client.call('held', {}, { cleanup: true }));
    await expect(client.call('more', {}, { cleanup: true })).rejects.toThrow(TooManyCallsError);

    hold.resolve();
    await Promise.all([...held, ...cleaning]);
    expect(await client.call('more', {})).toBeNull();
  });
});

describe('when the connection ends', () => {
  test('every waiting call rejects before the end is told, and may have been carried out', async () => {
    const { peer, notes, end } = openRaw();
    const calls = [peer.call('a', {}), peer.call('b', {}, { timeoutMs: 60_000 })];
    const rejected = Promise.allSettled(calls);
    end('going away');
    for (const result of await rejected) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: {
          name: 'ConnectionClosedError',
          mayHaveExecuted: true,
          message: 'exec-server connection closed: going away',
        },
      });
    }
    expect(notes.ends).toEqual([{ code: 1001, reason: 'going away' }]);
    expect(peer.closeInfo).toEqual({ code: 1001, reason: 'going away' });
  });

  test('a later call rejects at once, and was certainly not carried out', async () => {
    const { peer, notes, end } = openRaw();
    end('going away');
    await until(() => notes.ends.length === 1);
    await expect(peer.call('m', {})).rejects.toThrow(ConnectionClosedError);
    await expect(peer.call('m', {})).rejects.toMatchObject({ mayHaveExecuted: false });
    peer.notify('nobody', {});
  });

  test('an answer that is still being worked on goes nowhere, and harms nobody', async () => {
    const work = deferred<string>();
    const { client, server, serverNotes } = peerPair(() => work.promise);
    const call = client.call('m', {});
    call.catch(() => undefined); // looked at below
    await until(() => client.channel.queuedBytes === 0);
    server.channel.close(1001, 'done');
    await until(() => serverNotes.ends.length === 1);
    work.resolve('too late');
    await expect(call).rejects.toThrow(ConnectionClosedError);
  });
});
