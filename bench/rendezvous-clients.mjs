// Executors and harnesses that do as little as possible, so that a rendezvous with 500 of each can be measured on one machine.
import { once } from 'node:events';
import { WebSocket } from 'ws';

export const CHUNK_BYTES = 64 * 1024;
const chunk = Buffer.alloc(CHUNK_BYTES, 0x61);

async function post(baseUrl, path, token, body) {
  const response = await fetch(`${baseUrl}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status} ${await response.text()}`);
  return response.json();
}

async function dial(url) {
  const socket = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
  socket.on('error', () => undefined); // `close` follows, or `once` has it
  await once(socket, 'open');
  socket._socket.setNoDelay(true);
  return socket;
}

/** Answers `ping` with `ping`, and a number with that many bytes, no faster than they are taken. */
export function serve(socket) {
  socket.on('message', async (data) => {
    const text = String(data);
    if (text === 'ping') return socket.send('ping');
    for (let left = Number(text); left > 0; left -= CHUNK_BYTES) {
      await new Promise((resolve) => socket.send(chunk, resolve));
      if (socket.bufferedAmount > 0) await once(socket._socket, 'drain');
    }
  });
}

/** Registers, and dials for every harness that it is told of. */
export async function startExecutor(baseUrl, token, id) {
  const body = { idempotency_id: `bench-${id}`, executor_id: id, name: id, labels: {}, metadata: {} };
  const { control_url } = await post(baseUrl, `/cloud/executor/${id}/register`, token, body);
  const control = await dial(control_url);
  const hello = { jsonrpc: '2.0', id: 1, method: 'control/hello', params: { version: 1, executorVersion: 'bench' } };
  control.send(JSON.stringify(hello));
  await once(control, 'message');
  const sockets = new Set([control]);
  control.on('message', async (data) => {
    const { id, method, params } = JSON.parse(data);
    if (method !== 'control/dial') return;
    const socket = await dial(params.url);
    sockets.add(socket.once('close', () => sockets.delete(socket)));
    serve(socket);
    control.send(JSON.stringify({ jsonrpc: '2.0', id, result: {} }));
  });
  return {
    close() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

/** One request for a signed URL, and the WebSocket that it leads to. */
export async function connectHarness(baseUrl, token, id) {
  const body = { transport: 'direct_jsonrpc_v1' };
  const { url } = await post(baseUrl, `/cloud/environment/${id}/connect`, token, body);
  return dial(url);
}

/** Milliseconds of each of so many round trips, one after the other. */
export async function pingTimes(socket, count) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    const answered = once(socket, 'message');
    socket.send('ping');
    await answered;
    times.push(performance.now() - start);
  }
  return times;
}

/** MiB/s when each of the sockets is sent so many bytes at the same time. */
export async function throughput(sockets, bytesEach) {
  const start = performance.now();
  await Promise.all(
    sockets.map(async (socket) => {
      let left = bytesEach;
      const done = new Promise((resolve, reject) => {
        const count = (data) => {
          left -= data.length;
          if (left <= 0) resolve(socket.off('message', count));
        };
        socket.on('message', count).once('close', () => reject(new Error('the connection was cut')));
      });
      socket.send(String(bytesEach));
      await done;
    }),
  );
  return (sockets.length * bytesEach) / (1024 * 1024) / ((performance.now() - start) / 1000);
}
