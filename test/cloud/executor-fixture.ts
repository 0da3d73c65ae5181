import {
  bearerToken,
  type CloudNews,
  type CloudOptions,
  type CloudServing,
  serveCloud,
} from '../../src/cloud/index.js';
import type { ExecServer } from '../../src/server/exec-server.js';
import { atEnd, startInProcess, until } from '../harness/index.js';
import type { RegistryDouble } from './registry-double.js';

export interface Executor {
  serving: CloudServing;
  news: CloudNews[];
  /** The pauses that were asked for, in milliseconds; none is made. */
  pauses: number[];
  /** Every line of the log, as JSON. */
  log: string[];
  /** Resolves when news of that kind have come so often. */
  heard(type: CloudNews['type'], times?: number): Promise<void>;
}

/** An executor of this machine in the cloud, whose pauses are the longest possible, and noted instead of made. Ends with the test. */
export async function startExecutor(
  double: RegistryDouble,
  options: Partial<CloudOptions> = {},
  given?: ExecServer,
): Promise<Executor> {
  const lines: string[] = [];
  const write = (fields: object, message: string) => lines.push(JSON.stringify({ message, ...fields }));
  const log = { debug: write, info: write, warn: write };
  const server = given ?? (await startInProcess({ listen: [], log })).server;
  const news: CloudNews[] = [];
  const pauses: number[] = [];
  const serving = serveCloud(server, {
    baseUrl: double.baseUrl,
    environmentId: 'ex-1',
    credentials: bearerToken(double.token, 'the test'),
    log,
    random: () => 1,
    sleep: (ms) => {
      pauses.push(ms);
      return new Promise(setImmediate);
    },
    ...options,
    onNews(piece) {
      news.push(piece);
      options.onNews?.(piece);
    },
  });
  atEnd(() => serving.close());
  const heard = async (type: CloudNews['type'], times = 1) => {
    await until(() => news.filter((piece) => piece.type === type).length >= times, { what: `news: ${type}` });
  };
  return { serving, news, pauses, log: lines, heard };
}
