import { expect } from 'vitest';
import type { UrlTarget } from '../../src/client/dial.js';
import { type ClientState, ExecServerClient, processId, text } from '../../src/client/index.js';
import { atEnd, CutProxy, startInProcess, within } from '../harness/index.js';

export type KeepAlive = NonNullable<UrlTarget['keepAlive']>;

/** Never pings within a test. */
export const SILENT: KeepAlive = { pingIntervalMs: 3_600_000 };

export interface Silence {
  /** What the proxy cuts after. */
  idleMs: number;
  /** How long the command says nothing. */
  silenceMs: number;
  /** Undefined: as it is by default. */
  client?: KeepAlive | undefined;
  server?: KeepAlive | undefined;
}

/** Runs a command that is silent for a while behind a proxy that cuts idle connections. Resolves with how often it did. */
export async function cutsInSilence({ idleMs, silenceMs, client: keepAlive, server }: Silence): Promise<number> {
  const { url } = await startInProcess({ keepAlive: server });
  const proxy = await CutProxy.listen(url);
  proxy.idleTimeoutMs = idleMs;
  const states: ClientState[] = [];
  const client = await ExecServerClient.connect(
    { url: proxy.url, keepAlive },
    { onStateChange: (state) => states.push(state) },
  );
  atEnd(() => client.close());
  const silent = await client.processes.start({
    processId: processId('silent'),
    argv: ['sh', '-c', `echo before; sleep ${silenceMs / 1000}; echo after; exit 3`],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    tty: false,
  });
  const output = await within(text(silent), silenceMs + 30_000, 'the end of the command');
  // Cut or not, nothing is lost.
  expect(output).toMatchObject({ stdout: 'before\nafter\n', exitCode: 3, incomplete: false });
  const cuts = states.filter((state) => state.status === 'recovering' && state.attempt === 0).length;
  expect(proxy.acceptedCount).toBe(1 + cuts);
  return cuts;
}
