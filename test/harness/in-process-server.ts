import { type CreateExecServerOptions, createExecServer, type RunningExecServer } from '../../src/embed/index.js';
import { atEnd } from './cleanup.js';

export interface InProcessServer extends RunningExecServer {
  /** The first of its URLs. */
  readonly url: string;
}

/** A server in the test's own process, on `ws://127.0.0.1:0` unless `listen` says otherwise. Ends with the test. */
export async function startInProcess(options: CreateExecServerOptions = {}): Promise<InProcessServer> {
  const running = await createExecServer(options);
  atEnd(() => running.close());
  const [url = ''] = running.urls;
  return { ...running, url };
}
