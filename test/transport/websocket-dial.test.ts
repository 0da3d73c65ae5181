import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { DialError } from '../../src/transport/dial-error.js';
import { dialWebSocket } from '../../src/transport/websocket-dial.js';
import { atEnd, listenForChannels } from '../harness/index.js';

/** Takes connections and says nothing, or `answer`. */
async function startTcp(answer?: string): Promise<string> {
  const server = createServer((socket) => {
    atEnd(() => socket.destroy());
    socket.on('error', () => undefined); // the client gives up
    if (answer !== undefined) socket.end(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => server.close());
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const refusal = (expected: object) => expect.objectContaining({ name: 'DialError', ...expected });

test('headers go with the upgrade', async () => {
  const seen: (string | undefined)[] = [];
  const { url } = await listenForChannels('ws://127.0.0.1:0', {
    refuse({ headers }) {
      seen.push(headers.authorization);
      return undefined;
    },
  });
  const channel = await dialWebSocket(url, { headers: { authorization: 'Bearer x' } });
  channel.terminate('done');
  expect(seen).toEqual(['Bearer x']);
});

test('a refused upgrade gives its status', async () => {
  const { url } = await listenForChannels('ws://127.0.0.1:0', { refuse: () => ({ status: 401, reason: 'who?' }) });
  await expect(dialWebSocket(url)).rejects.toThrow(
    refusal({ status: 401, message: expect.stringContaining('HTTP 401') }),
  );
});

test('a redirect is not followed', async () => {
  const url = await startTcp('HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n');
  await expect(dialWebSocket(url)).rejects.toThrow(refusal({ status: 302 }));
});

test('a server that never answers is given up at the deadline', async () => {
  const url = await startTcp();
  await expect(dialWebSocket(url, { timeoutMs: 50 })).rejects.toThrow(
    /did not answer the WebSocket handshake within 50 ms/,
  );
});

test('a dial that is aborted says so, and why', async () => {
  const url = await startTcp();
  const controller = new AbortController();
  const dial = dialWebSocket(url, { signal: controller.signal });
  controller.abort(new Error('changed my mind'));
  await expect(dial).rejects.toThrow(
    refusal({ message: expect.stringContaining('was cancelled'), cause: new Error('changed my mind') }),
  );
  await expect(dialWebSocket(url, { signal: controller.signal })).rejects.toThrow(DialError);
});

test.each([
  ['a port where nobody listens', 'ws://127.0.0.1:1', /cannot connect to .*ECONNREFUSED/],
  ['no URL', 'nonsense', /cannot connect to `nonsense`/],
])('%s is named', async (_name, url, message) => {
  await expect(dialWebSocket(url)).rejects.toThrow(message);
});

test('a server that is no WebSocket server is told apart', async () => {
  await expect(dialWebSocket(await startTcp('SSH-2.0-OpenSSH\r\n'))).rejects.toThrow(/cannot connect to/);
  await expect(dialWebSocket(await startTcp(''))).rejects.toThrow(/cannot connect to/);
});

test('tokens in a URL do not get into messages', async () => {
  const message = await dialWebSocket('ws://user:secret@127.0.0.1:1/?token=secret').catch((error) => String(error));
  expect(message).toContain('cannot connect to');
  expect(message).not.toContain('secret');
});
