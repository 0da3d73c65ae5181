import { expect, test, vi } from 'vitest';
import type { ExecBackend } from '../process/types.js';
import { memoryChannelPair } from '../transport/memory-channel.js';
import { Connection } from './connection.js';
import { SessionRegistry } from './session-registry.js';

test('from the moment its session is taken over, a connection carries out nothing more', async () => {
  const backend: ExecBackend = {
    start: () => Promise.reject(new Error('nothing runs here')),
    environmentInfo: () => Promise.resolve({ shell: { name: 'sh', path: '/bin/sh' } }),
    close: () => Promise.resolve(),
  };
  const sessions = new SessionRegistry({ backend, sessionTtlMs: 1_000, processRetentionMs: 1_000 });
  const terminate = vi.fn(() => Promise.resolve({ running: true }));
  const ended = vi.fn();
  const services = {
    processes: backend,
    files: undefined,
    http: undefined,
    tcp: undefined,
    sessions,
    onConnectionClosed: ended,
  };
  const [client, server] = memoryChannelPair();
  const answers: unknown[] = [];
  client.start({ message: (text) => answers.push(JSON.parse(text)), unreadable: vi.fn(), closed: vi.fn() });
  const connection = new Connection(server, services, { 'process/terminate': terminate });

  client.send('{"id":1,"method":"initialize","params":{"clientName":"x"}}');
  await vi.waitUntil(() => answers.length === 1);
  client.send('{"method":"initialized"}');
  // What was under way when the other connection came is read before the close has left.
  connection.supersede();
  client.send('{"id":2,"method":"process/terminate","params":{"processId":"p"}}');
  await vi.waitUntil(() => ended.mock.calls.length === 1);
  expect(terminate).not.toHaveBeenCalled();
});
