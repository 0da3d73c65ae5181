import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import stream from 'node:stream';
import type { Fetch } from '../../src/http/fetch.js';

export interface SuiteTest {
  title: string;
  run(): Promise<void>;
}

export interface FetchSuite {
  tests: SuiteTest[];
  /** Starts and stops the suite's own server. */
  before(): Promise<void>;
  after(): Promise<void>;
}

type Step = (this: { timeout(ms: number): void }, done?: (error?: unknown) => void) => unknown;
type Server = new () => { port: number };

const require = createRequire(import.meta.url);

/** The packages of the suite that are not there; without them it cannot run. */
export function missingPackages(): string[] {
  return ['node-fetch-suite', 'chai-3', 'chai-as-promised', 'parted'].filter((name) => {
    try {
      require.resolve(`${name}/package.json`);
      return false;
    } catch {
      return true; // that is the answer
    }
  });
}

/**
 * The tests that node-fetch 1.7.3 carries in its package, with their server, given another `fetch` to test. What is
 * node-fetch's own is replaced by what the standard has in its place: a body is a ReadableStream, an error a TypeError.
 */
export function loadSuite(fetch: Fetch, port: number): FetchSuite {
  const tests: SuiteTest[] = [];
  const hooks: { before: Step[]; after: Step[] } = { before: [], after: [] };
  const file = require.resolve('node-fetch-suite/test/test.js');
  const requireOfSuite = createRequire(file);
  const subject = Object.assign((...args: Parameters<Fetch>) => fetch(...args), {
    Promise,
    Headers,
    Request,
    Response,
  });
  const replaced: Record<string, unknown> = {
    chai: require('chai-3'),
    'chai-as-promised': require('chai-as-promised'),
    bluebird: Promise,
    promise: Promise,
    resumer: () => ({ queue: (text: string) => ({ end: () => new Blob([text]).stream() }) }),
    'form-data': FormData,
    stream: { ...stream, Transform: ReadableStream },
    './server': onPort(requireOfSuite('./server') as Server, port),
    '../index.js': subject,
    '../lib/headers.js': Headers,
    '../lib/response.js': Response,
    '../lib/request.js': Request,
    '../lib/body.js': Response,
    '../lib/fetch-error.js': TypeError,
  };
  const globals = {
    require: (name: string) => replaced[name] ?? requireOfSuite(name),
    describe: (_title: string, define: () => void) => define(),
    it: (title: string, step: Step) => tests.push({ title, run: () => runStep(step) }),
    before: (step: Step) => hooks.before.push(step),
    after: (step: Step) => hooks.after.push(step),
  };
  // Not a module of ours: it wants mocha's globals, and makes one by forgetting `var`.
  new Function(...Object.keys(globals), readFileSync(file, 'utf8'))(...Object.values(globals));
  const runAll = async (steps: Step[]) => {
    for (const step of steps) await runStep(step);
  };
  return { tests, before: () => runAll(hooks.before), after: () => runAll(hooks.after) };
}

/** The suite's server listens on a port of its own choice, which may be taken. */
function onPort(TestServer: Server, port: number): Server {
  return class extends TestServer {
    override port = port;
  };
}

async function runStep(step: Step): Promise<void> {
  const mocha = { timeout: () => undefined };
  if (step.length === 0) {
    await step.call(mocha);
    return;
  }
  await new Promise<void>((resolve, reject) => {
    step.call(mocha, (error) => (error ? reject(error) : resolve()));
  });
}
