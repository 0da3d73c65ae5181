import { describe, expect, test } from 'vitest';
import { Collector, isAlive, RawClient, Signals, shell, startInProcess, until, upTo } from '../harness/index.js';

const decode = (chunks: unknown) => {
  const collector = new Collector();
  for (const chunk of chunks as { stream: string; chunk: string }[]) collector.addChunk(chunk);
  return collector.collected().stdout;
};

const pidOf = async (client: RawClient, id: string) => {
  const { processes } = await client.result('process/list');
  return (processes as { processId: string; pid: number }[]).find(({ processId }) => processId === id)?.pid ?? 0;
};

describe('a session whose connection has ended', () => {
  test('is resumed with its id, and must be confirmed again', async () => {
    const { url, server } = await startInProcess();
    const first = await RawClient.open(url);
    first.cut();
    await until(() => server.connectionCount === 0);
    const second = await RawClient.connect(url);
    const { sessionId } = await second.result('initialize', { clientName: 'x', resumeSessionId: first.sessionId });
    expect(sessionId).toBe(first.sessionId);
    expect((await second.request('process/list')).error?.message).toContain('client must send initialized');
    second.notify('initialized');
    await second.result('process/list');
    expect(server.sessionCount).toBe(1);
  });

  test('keeps its processes; what they said meanwhile is read, what they say later is pushed', async () => {
    const { url, server } = await startInProcess();
    const signals = new Signals();
    const script = 'echo before; await cut; echo meanwhile; signal said; await resumed; echo after; exit 5';
    const first = await RawClient.open(url);
    await first.result('process/start', shell('p', signals.shellFunctions + script));
    await first.waitFor(({ method }) => method === 'process/output');

    first.cut();
    await until(() => server.connectionCount === 0);
    signals.send('cut');
    await signals.wait('said');

    const second = await RawClient.open(url, { resumeSessionId: first.sessionId });
    const missed = await second.result('process/read', { processId: 'p', afterSeq: 1 });
    expect(decode(missed.chunks)).toBe('meanwhile\n');
    expect(missed).toMatchObject({ nextSeq: 3, exited: false, closed: false, lost: null });

    const done = second.collect('p');
    signals.send('resumed');
    expect(await done).toEqual({ stdout: 'after\n', stderr: '', pty: '', exitCode: 5, signal: null, seqs: [3, 4, 5] });
    expect(decode((await second.result('process/read', { processId: 'p' })).chunks)).toBe('before\nmeanwhile\nafter\n');
  });

  test('tells by reading that a process ended meanwhile, and pushes nothing of it', async () => {
    const { url, server } = await startInProcess();
    const signals = new Signals();
    const first = await RawClient.open(url);
    await first.result('process/start', shell('p', `${signals.shellFunctions}await cut; echo last; exit 7`));
    first.cut();
    await until(() => server.connectionCount === 0);
    signals.send('cut');
    const second = await RawClient.open(url, { resumeSessionId: first.sessionId });
    const result = await second.result('process/read', { processId: 'p', waitMs: 5_000 });
    expect(decode(result.chunks)).toBe('last\n');
    const end = await second.result('process/read', { processId: 'p', afterSeq: 2, waitMs: 5_000 });
    expect(end).toMatchObject({ exited: true, exitCode: 7, closed: true, exitedSeq: 2, closedSeq: 3 });
  });

  test('says which seqs are lost when more was said meanwhile than is kept', async () => {
    const { url, server } = await startInProcess();
    const signals = new Signals();
    const script = `${signals.shellFunctions}await cut; seq 1 400000; signal said; exec sleep 60`;
    const first = await RawClient.open(url);
    await first.result('process/start', shell('p', script));
    first.cut();
    await until(() => server.connectionCount === 0);
    signals.send('cut');
    await signals.wait('said');
    const second = await RawClient.open(url, { resumeSessionId: first.sessionId });
    const { chunks, lost } = await second.result('process/read', { processId: 'p' });
    const seqs = (chunks as { seq: number }[]).map(({ seq }) => seq);
    expect(lost).toEqual({ fromSeq: 1, toSeq: (seqs[0] ?? 0) - 1 });
    expect(decode(chunks).endsWith('399999\n400000\n')).toBe(true);
    expect(decode(chunks).length).toBeGreaterThan(512 * 1024);
  });

  test('is gone after its time, its processes with it', async () => {
    const { url, server } = await startInProcess({ sessionTtlMs: 100 });
    const first = await RawClient.open(url);
    await first.result('process/start', shell('p', 'trap "" TERM HUP; while :; do sleep 1; done'));
    const pid = await pidOf(first, 'p');
    first.cut();
    await until(() => server.sessionCount === 0);
    await until(() => !isAlive(pid));
    const second = await RawClient.connect(url);
    const { error } = await second.request('initialize', { clientName: 'x', resumeSessionId: first.sessionId });
    expect(error).toMatchObject({ code: -32600, message: `unknown session id ${first.sessionId}` });
  });

  test('is gone at once when its time is zero', async () => {
    const { url, server } = await startInProcess({ sessionTtlMs: 0 });
    const first = await RawClient.open(url);
    await first.close();
    await until(() => server.sessionCount === 0);
  });

  test('can be cut and resumed many times, and every event is had exactly once', async () => {
    const { url } = await startInProcess();
    const signals = new Signals();
    const rounds = 15;
    const script = `${signals.shellFunctions}i=0; while [ $i -lt ${rounds} ]; do echo round $i; await $i; i=$((i+1)); done`;
    let client = await RawClient.open(url);
    const { sessionId } = client;
    await client.result('process/start', shell('p', script));
    const collector = new Collector();
    const seqs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { chunks } = await client.result('process/read', { processId: 'p', afterSeq: seqs.length, waitMs: 5_000 });
      for (const chunk of chunks as { seq: number; stream: string; chunk: string }[]) {
        seqs.push(chunk.seq);
        collector.addChunk(chunk);
      }
      client.cut();
      await client.closed;
      signals.send(String(round));
      // The server may not have seen the end of the old connection yet: a probe then finds it dead.
      client = await RawClient.open(url, { resumeSessionId: sessionId });
    }
    expect(seqs).toEqual(upTo(rounds));
    expect(collector.collected().stdout).toBe(
      upTo(rounds)
        .map((n) => `round ${n - 1}\n`)
        .join(''),
    );
  });
});

describe('two sessions', () => {
  test('have each their own processes, under the same id', async () => {
    const { url } = await startInProcess();
    const [a, b] = [await RawClient.open(url), await RawClient.open(url)];
    const ends = [a.collect('p'), b.collect('p')];
    await a.result('process/start', shell('p', 'echo a'));
    await b.result('process/start', shell('p', 'echo b'));
    expect((await Promise.all(ends)).map(({ stdout }) => stdout)).toEqual(['a\n', 'b\n']);
    expect((await a.request('process/start', shell('p', 'true'))).error).toMatchObject({
      code: -32600,
      message: 'process p already exists',
      data: { kind: 'process_exists' },
    });
  });
});

describe('a closed process', () => {
  test('is kept for its time, then its id is free', async () => {
    const { url } = await startInProcess({ processRetentionMs: 150 });
    const client = await RawClient.open(url);
    await client.result('process/start', shell('p', 'echo x'));
    await client.collect('p');
    expect((await client.request('process/start', shell('p', 'true'))).error?.message).toBe('process p already exists');
    await until(async () => (await client.request('process/read', { processId: 'p' })).error);
    expect((await client.request('process/read', { processId: 'p' })).error).toEqual({
      code: -32600,
      message: 'unknown process id p',
      data: { kind: 'unknown_process' },
    });
    await client.result('process/start', shell('p', 'true'));
  });

  test('frees its id at once when it could not be started', async () => {
    const client = await RawClient.open((await startInProcess()).url);
    const bad = { ...shell('p', ''), argv: ['/no/such/program'] };
    expect((await client.request('process/start', bad)).error?.code).toBe(-32603);
    await client.result('process/start', shell('p', 'true'));
  });
});

test('closing the server ends the processes and tells the clients, what they still said first', async () => {
  const { url, server } = await startInProcess();
  const client = await RawClient.open(url);
  await client.result(
    'process/start',
    shell('p', 'trap "echo bye; exit 9" TERM; echo ready; while :; do sleep 0.05; done'),
  );
  await client.waitFor(({ method }) => method === 'process/output');
  const done = client.collect('p');
  const closing = server.close();
  expect(server.close()).toBe(closing);
  expect(await done).toMatchObject({ stdout: 'ready\nbye\n', exitCode: 9 });
  expect(await client.closed).toEqual({ code: 1001, reason: 'the server is shutting down' });
  await closing;
});
