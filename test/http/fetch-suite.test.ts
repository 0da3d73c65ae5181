import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExecServerClient } from '../../src/client/index.js';
import { createExecServer } from '../../src/embed/index.js';
import { createFetch } from '../../src/http/fetch.js';
import { LocalHttpClient } from '../../src/http/local/local-http-client.js';
import type { HttpClient } from '../../src/http/types.js';
import { loadSuite, missingPackages } from './node-fetch-suite.js';
import { DOES_NOT_APPLY } from './node-fetch-suite-exceptions.js';
import { refusingPort } from './origins.js';

interface Opened {
  http: HttpClient;
  close(): Promise<void>;
}

const places: [name: string, open: () => Promise<Opened>][] = [
  ['here', openHere],
  ['a server', openServer],
];
const missing = missingPackages();

describe.skipIf(missing.length > 0).each(places)(
  `the tests of node-fetch 1.7.3 from %s${missing.length ? `: no ${missing}` : ''}`,
  async (_name, open) => {
    if (missing.length > 0) return;
    const { http, close } = await open();
    const suite = loadSuite(createFetch(http), await refusingPort());

    beforeAll(() => suite.before());
    afterAll(async () => {
      await close();
      await suite.after();
    });

    for (const { title, run } of suite.tests) {
      const why = DOES_NOT_APPLY.get(title);
      if (why) test.skip(`${title}: ${why}`);
      else test(title, run);
    }

    test('every exception is a test of the suite', () => {
      const titles = new Set(suite.tests.map(({ title }) => title));
      expect([...DOES_NOT_APPLY.keys()].filter((title) => !titles.has(title))).toEqual([]);
    });
  },
);

async function openHere(): Promise<Opened> {
  const http = new LocalHttpClient({ env: {} });
  return { http, close: () => http.close() };
}

async function openServer(): Promise<Opened> {
  const here = await openHere();
  const server = await createExecServer({ http: here.http });
  const client = await ExecServerClient.connect({ url: server.urls[0] ?? '' });
  const close = async () => {
    await client.close();
    await server.close();
    await here.close();
  };
  return { http: client.http, close };
}
