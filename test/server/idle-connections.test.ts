import { expect, test } from 'vitest';
import { RawClient, startInProcess, until } from '../harness/index.js';

test('200 connections that never initialize are closed after their time, and one that has is not', async () => {
  const { url, server } = await startInProcess({ initializeTimeoutMs: 400 });
  const known = await RawClient.open(url);
  const idle = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect(url)));
  const ends = await Promise.all(idle.map(({ closed }) => closed));
  expect(new Set(ends.map(({ code, reason }) => `${code} ${reason}`))).toEqual(
    new Set(['1008 no initialize within 0.4 s']),
  );
  await until(() => server.connectionCount === 1);
  expect(server.sessionCount).toBe(1);
  await known.result('process/list');
});

test('one that sends requests but no initialize is closed too', async () => {
  const { url } = await startInProcess({ initializeTimeoutMs: 100 });
  const client = await RawClient.connect(url);
  await client.request('process/list');
  expect((await client.closed).code).toBe(1008);
});

test('one that has initialized and not yet confirmed may take its time', async () => {
  const { url, server } = await startInProcess({ initializeTimeoutMs: 50 });
  const slow = await RawClient.connect(url);
  await slow.result('initialize', { clientName: 'slow' });
  // A second one, opened later, is closed for its silence: the first one's time has long passed by then.
  expect((await (await RawClient.connect(url)).closed).code).toBe(1008);
  await until(() => server.connectionCount === 1);
  slow.notify('initialized');
  await slow.result('process/list');
});
