import { ExecServerClient } from '../../src/client/index.js';
import { LocalTcpConnector } from '../../src/embed/index.js';
import { RemoteEnvironment } from '../../src/environment/index.js';
import type { TcpConnector } from '../../src/tcp/types.js';
import { atEnd, startInProcess } from '../harness/index.js';

/** From where TCP connections are made. All share this machine's loopback. What they open ends with the test. */
export const places: [name: string, open: () => Promise<TcpConnector>][] = [
  ['here', async () => closing(new LocalTcpConnector())],
  ['a server', async () => (await connect((await startInProcess()).url)).tcp],
  [
    'a server in front of another',
    async () => {
      const inner = new RemoteEnvironment({ id: 'inner', url: (await startInProcess()).url });
      atEnd(() => inner.close());
      const { processes, files, http, tcp } = inner;
      return (await connect((await startInProcess({ processes, files, http, tcp })).url)).tcp;
    },
  ],
];

export async function connect(url: string): Promise<ExecServerClient> {
  const client = await ExecServerClient.connect({ url });
  atEnd(() => client.close());
  return client;
}

function closing(connector: TcpConnector): TcpConnector {
  atEnd(() => connector.close());
  return connector;
}
