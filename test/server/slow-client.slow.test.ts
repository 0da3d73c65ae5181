import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CutProxy, RawClient, shell, startInProcess, until, upTo } from '../harness/index.js';

const LAST = 2_700_000;
const EXPECTED = (() => {
  const lines: string[] = [];
  for (let i = 1; i <= LAST; i++) lines.push(String(i));
  return `${lines.join('\n')}\n`;
})();

/** Bytes that a process has ever written. */
const writtenBy = (pid: number) => Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);

/** Resolves with what it has written when that has stopped growing. */
async function heldBack(pid: number): Promise<number> {
  let last = -1;
  let since = performance.now();
  await until(
    () => {
      const now = writtenBy(pid);
      if (now !== last) since = performance.now();
      last = now;
      return now > 0 && performance.now() - since > 300;
    },
    { timeoutMs: 15_000, what: 'a writer that is held back' },
  );
  return last;
}

/** A child that writes 20 MB as soon as it gets a line. */
async function startWriter(client: RawClient, id: string): Promise<number> {
  await client.result('process/start', shell(id, `read line; exec seq 1 ${LAST}`, { pipeStdin: true }));
  const { processes } = await client.result('process/list');
  return (processes as { processId: string; pid: number }[]).find(({ processId }) => processId === id)?.pid ?? 0;
}

const go = (processId: string) => ({ processId, chunk: Buffer.from('go\n').toString('base64') });

describe('a client that stops reading while a child writes 20 MB', () => {
  test('holds the child back, and has lost nothing when it reads on', async () => {
    const client = await RawClient.open((await startInProcess()).url);
    const pid = await startWriter(client, 'p');
    void client.request('process/write', go('p'));
    client.pause();
    expect(await heldBack(pid)).toBeLessThan(EXPECTED.length);
    const done = client.collect('p', 15_000);
    client.resume();
    const { stdout, seqs, exitCode } = await done;
    expect(stdout.length).toBe(EXPECTED.length);
    expect(stdout === EXPECTED).toBe(true);
    expect(seqs).toEqual(upTo(seqs.length));
    expect(exitCode).toBe(0);
  });

  test('holds back nobody else', async () => {
    const { url } = await startInProcess();
    const slow = await RawClient.open(url);
    const pid = await startWriter(slow, 'p');
    void slow.request('process/write', go('p'));
    slow.pause();
    await heldBack(pid);
    const other = await RawClient.open(url);
    const done = other.collect('p');
    await other.result('process/start', shell('p', 'echo quick'));
    expect((await done).stdout).toBe('quick\n');
  });

  test('and is cut off meanwhile, reads the tail that is kept, and is told what is lost', async () => {
    const { url, server } = await startInProcess();
    const proxy = await CutProxy.listen(url);
    const client = await RawClient.open(proxy.url);
    const pid = await startWriter(client, 'p');
    void client.request('process/write', go('p'));
    client.pause();
    await heldBack(pid);
    proxy.cutAll();
    await until(() => server.connectionCount === 0);
    // Nobody is attached: the child runs on into the ring, to its end.
    const again = await RawClient.open(url, { resumeSessionId: client.sessionId });
    const read = () => again.result('process/read', { processId: 'p' });
    const end = await until(
      async () => {
        const result = await read();
        return result.closed ? result : undefined;
      },
      { timeoutMs: 15_000, what: 'the end of the writer' },
    );
    const chunks = end.chunks as { seq: number; chunk: string }[];
    const tail = chunks.map(({ chunk }) => Buffer.from(chunk, 'base64').toString()).join('');
    expect(EXPECTED.endsWith(tail)).toBe(true);
    expect(tail.length).toBeGreaterThan(512 * 1024);
    expect(end.lost).toEqual({ fromSeq: 1, toSeq: (chunks[0]?.seq ?? 0) - 1 });
    expect(end).toMatchObject({ exitCode: 0, exitedSeq: (chunks.at(-1)?.seq ?? 0) + 1 });
  });
});
