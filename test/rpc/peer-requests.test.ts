import { describe, expect, test } from 'vitest';
import { invalidParams } from '../../src/protocol/errors.js';
import { memoryChannelPair } from '../../src/transport/memory-channel.js';
import { deferred, Heard, peerPair, startPeer, until } from '../harness/index.js';

type Answer = Parameters<typeof startPeer>[1];

/** The other side of a peer, where what the peer sends can be read as text. */
function openRaw(answer: Answer) {
  const [a, b] = memoryChannelPair();
  const heard = new Heard(a);
  const [peer, notes] = startPeer(b, answer);
  return { heard, peer, notes, send: (text: string) => a.send(text) };
}

describe('requests', () => {
  test('are answered side by side: a slow one does not delay a fast one', async () => {
    const slow = deferred<string>();
    const { client } = peerPair(async ({ method }) => (method === 'slow' ? slow.promise : 'fast'));
    const waiting = client.call('slow', {});
    expect(await client.call('fast', {})).toBe('fast');
    slow.resolve('slow');
    expect(await waiting).toBe('slow');
  });

  test('reach their handlers in the order in which they came', async () => {
    const order: unknown[] = [];
    const { client } = peerPair(async ({ params }) => {
      order.push(params);
    });
    await Promise.all(Array.from({ length: 100 }, (_, i) => client.call('m', i)));
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test('that fail with a wire error are answered with exactly that', async () => {
    const { heard, send } = openRaw(() => Promise.reject(invalidParams('no such field', { field: 'x' })));
    send('{"id":"a","method":"m"}');
    await heard.count(1);
    expect(JSON.parse(heard.messages[0] ?? '')).toEqual({
      id: 'a',
      error: { code: -32602, message: 'no such field', data: { kind: 'invalid_params', field: 'x' } },
    });
  });

  test('that fail with anything else are internal errors, with the message and without the stack', async () => {
    const { heard, send } = openRaw(() => Promise.reject(new TypeError('x is not a function')));
    send('{"id":1,"method":"m"}');
    await heard.count(1);
    expect(JSON.parse(heard.messages[0] ?? '').error).toEqual({
      code: -32603,
      message: 'x is not a function',
      data: { kind: 'internal' },
    });
  });

  test('whose result has no JSON are answered with an error, once', async () => {
    const { heard, send } = openRaw(async () => ({ big: 1n }));
    send('{"id":1,"method":"m"}');
    send('{"id":2,"method":"m"}');
    await heard.count(2);
    expect(heard.messages.map((text) => JSON.parse(text))).toMatchObject([
      { id: 1, error: { code: -32603 } },
      { id: 2, error: { code: -32603 } },
    ]);
  });

  test('with ids beyond 2^53 are answered with the same digits', async () => {
    const { heard, send } = openRaw(async () => null);
    send('{"id":9223372036854775807,"method":"m"}');
    await heard.count(1);
    expect(heard.messages).toEqual(['{"id":9223372036854775807,"result":null}']);
  });
});

describe('what runs after the answer', () => {
  test('sends after it, also when the handler was done at once', async () => {
    const sent: { peer?: ReturnType<typeof startPeer>[0] } = {};
    const { heard, peer, send } = openRaw(async ({ params, afterAnswer }) => {
      afterAnswer(() => sent.peer?.notify('first', params));
      afterAnswer(() => sent.peer?.notify('second', params));
      return 'answer';
    });
    sent.peer = peer;
    send('{"id":1,"method":"m","params":1}');
    send('{"id":2,"method":"m","params":2}');
    await heard.count(6);
    const of = (n: number) =>
      heard.messages.filter((text) => text.includes(`"params":${n}`) || text.includes(`"id":${n}`));
    for (const n of [1, 2]) {
      expect(of(n)).toEqual([
        `{"id":${n},"result":"answer"}`,
        `{"method":"first","params":${n}}`,
        `{"method":"second","params":${n}}`,
      ]);
    }
  });

  test('runs after an error too', async () => {
    let ran = false;
    const { heard, send } = openRaw(async ({ afterAnswer }) => {
      afterAnswer(() => {
        ran = true;
      });
      throw new Error('no');
    });
    send('{"id":1,"method":"m"}');
    await heard.count(1);
    await until(() => ran);
  });
});

describe('messages that are none', () => {
  test.each([
    '{not json',
    '[]',
    '{"id":null,"method":"m"}',
    '{"id":1,"id":2,"method":"m"}',
  ])('`%s` is answered with id -1, and the connection lives', async (text) => {
    const { heard, notes, send } = openRaw(async () => 'alive');
    send(text);
    send('{"id":1,"method":"m"}');
    await heard.count(2);
    expect(JSON.parse(heard.messages[0] ?? '')).toEqual({
      id: -1,
      error: {
        code: -32600,
        message: expect.stringMatching(/^failed to parse JSON-RPC message from exec-server memory b: ./),
        data: { kind: 'invalid_message' },
      },
    });
    expect(heard.messages[1]).toBe('{"id":1,"result":"alive"}');
    expect(notes).toEqual({ notifications: [], strays: 0, ends: [] });
  });

  test.each([
    ['{"id":99,"result":1}'],
    ['{"id":"1","result":1}'],
    ['{"id":99,"error":{"code":1,"message":"no"}}'],
    ['{"id":-1,"error":{"code":-32600,"message":"no"}}'],
  ])('the answer `%s` to nothing that was asked is reported', async (text) => {
    const { notes, send } = openRaw(async () => null);
    send(text);
    await until(() => notes.strays === 1);
  });

  test('a notification is handed on, and not answered', async () => {
    const { heard, notes, send } = openRaw(async () => null);
    send('{"method":"news"}');
    send('{"id":1,"method":"m"}');
    await heard.count(1);
    expect(notes.notifications).toEqual(['news']);
    expect(heard.messages).toEqual(['{"id":1,"result":null}']);
  });
});
