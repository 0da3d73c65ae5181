import { describe, expect, test } from 'vitest';
import { CutProxy, RawClient, Signals, shell, startInProcess, until, within } from '../harness/index.js';

const RESUMED_ELSEWHERE = 'session has been resumed by another connection';

/** A client whose network has stopped carrying anything, though nobody has closed; and the server that it talks to. */
async function openHalfOpen(script: string) {
  const running = await startInProcess();
  const proxy = await CutProxy.listen(running.url);
  const old = await RawClient.open(proxy.url);
  await old.result('process/start', shell('p', script, { pipeStdin: true }));
  const read = old.request('process/read', { processId: 'p', afterSeq: 1, waitMs: 60_000 });
  await old.waitFor(({ method }) => method === 'process/output');
  await old.result('environment/status'); // answered: so the read before it has arrived
  proxy.stall();
  return { ...running, proxy, old, read, sessionId: old.sessionId };
}

describe('a session that is attached', () => {
  test('is refused to others while its holder is alive, which goes on undisturbed', async () => {
    const { url } = await startInProcess();
    const holder = await RawClient.open(url);
    await holder.result('process/start', shell('p', 'read line; echo "$line"', { pipeStdin: true }));
    const rival = await RawClient.connect(url);
    const { error } = await rival.request('initialize', { clientName: 'x', resumeSessionId: holder.sessionId });
    expect(error).toEqual({
      code: -32010,
      message: `session ${holder.sessionId} is already attached to another connection`,
      data: { kind: 'session_attached', retryable: true },
    });
    const done = holder.collect('p');
    await holder.result('process/write', { processId: 'p', chunk: Buffer.from('hello\n').toString('base64') });
    expect((await done).stdout).toBe('hello\n');
    // The refusal has not used up the one initialize.
    expect(await rival.initialize()).not.toBe(holder.sessionId);
  });

  test('is refused to its own connection too', async () => {
    const { url } = await startInProcess();
    const holder = await RawClient.open(url);
    const { error } = await holder.request('initialize', { clientName: 'x', resumeSessionId: holder.sessionId });
    expect(error?.message).toBe('initialize may only be sent once per connection');
  });

  test('goes to one of many who come at the same time', async () => {
    const { url, server } = await startInProcess();
    const first = await RawClient.open(url);
    first.cut();
    await until(() => server.connectionCount === 0);
    const rivals = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(url)));
    const answers = await Promise.all(
      rivals.map((rival) => rival.request('initialize', { clientName: 'x', resumeSessionId: first.sessionId })),
    );
    expect(answers.filter(({ result }) => result?.sessionId === first.sessionId)).toHaveLength(1);
    expect(answers.filter(({ error }) => error?.code === -32010)).toHaveLength(7);
  });
});

describe('a session whose holder has fallen silent', () => {
  test('is taken over within seconds; the old long poll is told so, and the old connection closed', async () => {
    const { url, server, proxy, old, read, sessionId } = await openHalfOpen('echo ready; read line; echo "$line"');
    const fresh = await within(RawClient.open(url, { resumeSessionId: sessionId }), 5_000, 'the take-over');
    expect(fresh.sessionId).toBe(sessionId);

    proxy.resume();
    expect((await read).error).toEqual({
      code: -32600,
      message: RESUMED_ELSEWHERE,
      data: { kind: 'session_resumed_elsewhere' },
    });
    expect(await old.closed).toEqual({ code: 1008, reason: RESUMED_ELSEWHERE });

    // The late end of the old connection has changed nothing: the session is the new one's.
    await until(() => server.connectionCount === 1);
    const done = fresh.collect('p');
    await fresh.result('process/write', { processId: 'p', chunk: Buffer.from('to the new\n').toString('base64') });
    expect((await done).stdout).toBe('to the new\n');
    expect(old.notifications('p').map(({ params }) => params?.seq)).toEqual([1]);
  });

  test('does nothing any more of what the old connection still had under way', async () => {
    const { url, proxy, old, sessionId } = await openHalfOpen('echo ready; exec sleep 60');
    void old.request('process/terminate', { processId: 'p' });
    void old.request('process/start', shell('q', 'true'));
    const fresh = await RawClient.open(url, { resumeSessionId: sessionId });
    proxy.resume();
    await old.closed;
    const { processes } = await fresh.result('process/list');
    expect(processes).toMatchObject([{ processId: 'p', running: true }]);
  });

  test('goes to one of two who come at the same time', async () => {
    const { url, sessionId } = await openHalfOpen('echo ready; exec sleep 60');
    const rivals = await Promise.all([RawClient.connect(url), RawClient.connect(url)]);
    const answers = await Promise.all(
      rivals.map((rival) => rival.request('initialize', { clientName: 'x', resumeSessionId: sessionId })),
    );
    expect(answers.map(({ result, error }) => result?.sessionId ?? error?.code).sort()).toEqual([-32010, sessionId]);
  });

  test('stays with its holder if the one that wants it leaves before it is decided', async () => {
    const { url, proxy, old, read, server, sessionId } = await openHalfOpen('echo ready; read line; echo "$line"');
    const rival = await RawClient.connect(url);
    void rival.request('initialize', { clientName: 'x', resumeSessionId: sessionId });
    await until(() => server.connectionCount === 2);
    rival.cut();
    await until(() => server.connectionCount === 1);
    proxy.resume();
    await old.result('process/write', { processId: 'p', chunk: Buffer.from('mine\n').toString('base64') });
    expect((await read).result).toMatchObject({ chunks: [{ seq: 2 }] });
  });

  test('while the child goes on: what it says around the take-over is had exactly once', async () => {
    const signals = new Signals();
    const { url, proxy, sessionId } = await openHalfOpen(
      `echo ready; ${signals.shellFunctions}i=0; while [ ! -e stop ] && [ $i -lt 150 ]; do echo $i; i=$((i+1)); sleep 0.01; done`,
    );
    const fresh = await RawClient.open(url, { resumeSessionId: sessionId });
    const done = fresh.collect('p');
    proxy.resume();
    await done;
    const pushed = fresh.notifications('p').map(({ params }) => Number(params?.seq));
    const first = pushed[0] ?? 0;
    expect(pushed).toEqual(Array.from({ length: pushed.length }, (_, i) => first + i));
    const { chunks } = await fresh.result('process/read', { processId: 'p' });
    expect((chunks as { seq: number }[])[0]?.seq).toBe(1);
  });
});
