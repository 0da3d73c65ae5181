import { test } from 'vitest';
import { childrenOf, countDescriptors, RawClient, shell, startInProcess, until } from '../harness/index.js';

/** A server has one child of its own, its guardian. */
const SERVER_CHILDREN = 1;

test('clients that come, run something and go, leave nothing behind', async () => {
  const { url, server } = await startInProcess({ sessionTtlMs: 0 });
  const visit = async (leave: (client: RawClient) => unknown) => {
    const client = await RawClient.open(url);
    const done = client.collect('short');
    await client.result('process/start', shell('short', 'echo x'));
    await client.result('process/start', shell('long', 'exec sleep 60', { pipeStdin: true }));
    await client.result('process/start', shell('tty', 'exec sleep 60', { tty: true }));
    await done;
    await leave(client);
  };
  const gone = () => until(() => server.connectionCount === 0 && server.sessionCount === 0);
  await visit((client) => client.close()); // what is made once, is made now
  await gone();
  await until(() => childrenOf().length <= SERVER_CHILDREN);
  const descriptors = countDescriptors();

  for (let i = 0; i < 5; i++) {
    await visit((client) => client.cut());
    await visit((client) => client.close());
  }
  await gone();
  await until(() => childrenOf().length <= SERVER_CHILDREN && countDescriptors() <= descriptors, {
    what: `${descriptors} descriptors and no children of clients again`,
  });
});

test('a server that is closed leaves nothing behind', async () => {
  await until(() => childrenOf().length === 0, { what: 'the end of earlier servers' });
  const serve = async () => {
    const { url, close } = await startInProcess();
    const client = await RawClient.open(url);
    await client.result('process/start', shell('p', 'exec sleep 60', { pipeStdin: true }));
    await close();
    await client.closed;
    await until(() => childrenOf().length === 0, { what: 'the end of the children' });
  };
  await serve(); // what is made once per process, is made now
  const descriptors = countDescriptors();
  for (let i = 0; i < 3; i++) await serve();
  await until(() => countDescriptors() <= descriptors, { what: `${descriptors} descriptors again` });
});
