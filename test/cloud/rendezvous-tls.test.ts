import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { atEnd } from '../harness/index.js';
import { createAuthority } from '../http/certificates.js';
import { startRendezvous } from './rendezvous-fixture.js';

const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version']);
    return true;
  } catch {
    return false;
  }
})();

test.skipIf(!hasOpenssl)(
  'over TLS (skipped without openssl) both ends are joined as in clear text, by wss URLs',
  async () => {
    const authority = createAuthority();
    const ca = readFileSync(authority.file, 'utf8');
    const rendezvous = await startRendezvous({ listen: 'https://127.0.0.1:0', tls: authority.issue() });
    const ask = async (path: string, token: string, body: object): Promise<string> => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const asked = request(`${rendezvous.url}${path}`, { method: 'POST', headers, ca });
      asked.end(JSON.stringify(body));
      const [response] = await once(asked, 'response');
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      return JSON.parse(Buffer.concat(chunks).toString()).url;
    };
    const dial = async (url: string): Promise<WebSocket> => {
      expect(url).toMatch(/^wss:\/\/127\.0\.0\.1:/);
      const socket = new WebSocket(url, { ca });
      atEnd(() => socket.terminate());
      await once(socket, 'open');
      return socket;
    };
    const body = { transport: 'direct_jsonrpc_v1' };
    const executorToken = await rendezvous.token({ role: 'executor' });
    const executor = await dial(await ask('/cloud/environment/box/direct/register', executorToken, body));
    const harnessToken = await rendezvous.token({ role: 'harness' });
    const harness = await dial(await ask('/cloud/environment/box/connect', harnessToken, body));
    const received = once(executor, 'message');
    const message = Buffer.alloc(4 * 1024 * 1024, 7);
    harness.send(message);
    expect(message.equals((await received)[0])).toBe(true);
    const closed = once(executor, 'close');
    harness.close(4002, 'bye');
    expect((await closed).map(String)).toEqual(['4002', 'bye']);
  },
);
