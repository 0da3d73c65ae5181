import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFetch } from '../../src/http/fetch.js';
import { LocalHttpClient } from '../../src/http/local/local-http-client.js';
import { loadSuite, missingPackages } from './node-fetch-suite.js';
import { DOES_NOT_APPLY } from './node-fetch-suite-exceptions.js';
import { refusingPort } from './origins.js';

const missing = missingPackages();

describe.skipIf(missing.length > 0)(
  `the tests of node-fetch 1.7.3${missing.length ? `: no ${missing}` : ''}`,
  async () => {
    if (missing.length > 0) return;
    const client = new LocalHttpClient({ env: {} });
    const suite = loadSuite(createFetch(client), await refusingPort());

    beforeAll(() => suite.before());
    afterAll(async () => {
      await client.close();
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
