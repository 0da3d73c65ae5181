import { expect, test } from 'vitest';
import type { Environment } from '../../src/environment/index.js';
import { text, wait } from '../../src/process/conveniences.js';
import { type ExecProcess, processId, type StartParams } from '../../src/process/types.js';
import { openPlace, type Place } from './places.js';

const PATH = '/usr/local/bin:/usr/bin:/bin';
let started = 0;

export function sh({ processes }: Environment, script: string, more: Partial<StartParams> = {}): Promise<ExecProcess> {
  const id = processId(`behaviour-${++started}`);
  return processes.start({
    processId: id,
    argv: ['/bin/sh', '-c', script],
    cwd: '/',
    env: { PATH },
    tty: false,
    ...more,
  });
}

/** The first events up to the one that holds `part`; the process goes on. */
async function saw(child: ExecProcess, part: string): Promise<string> {
  let seen = '';
  for await (const event of child.events()) {
    if (event.type === 'output') seen += event.chunk.toString();
    if (event.type === 'failed') throw event.error;
    if (seen.includes(part)) return seen;
  }
  throw new Error(`closed without ${part}: ${seen}`);
}

/** What holds of processes wherever they run. */
export function processesBehave(place: Place): void {
  const extensions = place.real === undefined;
  // 0.129 answers -1 for any child that a signal has ended, and 1 on a terminal.
  const endedBy = (number: number, tty = false) =>
    place.real === '0.129.0' ? (tty ? 1 : -1) : tty && place.real ? 1 : 128 + number;

  test('stdout and stderr come apart, then the exit code, then the end', async () => {
    const child = await sh(openPlace(place), 'echo out; echo err >&2; exit 7');
    expect(await text(child)).toMatchObject({ stdout: 'out\n', stderr: 'err\n', exitCode: 7, incomplete: false });
    expect(child.info()).toMatchObject({ running: false, exitCode: 7, closed: true });
  });

  test('events are numbered from 1 without gaps, and closed is the last', async () => {
    const child = await sh(openPlace(place), 'for i in 1 2 3; do echo $i; sleep 0.05; done');
    const seqs: number[] = [];
    const types: string[] = [];
    for await (const event of child.events()) {
      types.push(event.type);
      if ('seq' in event) seqs.push(event.seq);
    }
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
    expect(types.at(-1)).toBe('closed');
    expect(types.filter((type) => type === 'exited')).toHaveLength(1);
  });

  test('a late subscriber is given what is retained', async () => {
    const child = await sh(openPlace(place), 'echo early');
    await wait(child);
    expect((await text(child)).stdout).toBe('early\n');
  });

  test('two subscribers see the same', async () => {
    const child = await sh(openPlace(place), 'echo a; sleep 0.1; echo b');
    const [one, two] = await Promise.all([text(child), text(child)]);
    expect(one).toEqual(two);
  });

  test('a megabyte arrives whole', async () => {
    const child = await sh(openPlace(place), 'head -c 1000000 /dev/zero | tr "\\0" x');
    const { stdout } = await text(child);
    expect(stdout.length).toBe(1_000_000);
    expect(stdout).toMatch(/^x+$/);
  });

  test('what is written to stdin arrives in order', async () => {
    const child = await sh(openPlace(place), 'head -n 50', { pipeStdin: true });
    const lines = Array.from({ length: 50 }, (_, i) => `line ${i}\n`);
    const answers = await Promise.all(lines.map((line) => child.write(Buffer.from(line))));
    expect(new Set(answers)).toEqual(new Set(['accepted']));
    expect((await text(child)).stdout).toBe(lines.join(''));
  });

  test('a child without stdin reads the end of input, and a write says stdinClosed', async () => {
    const child = await sh(openPlace(place), 'cat; echo done');
    expect(await child.write(Buffer.from('x'))).toBe('stdinClosed');
    expect((await text(child)).stdout).toBe('done\n');
  });

  test.runIf(extensions)('closing stdin ends the input', async () => {
    const child = await sh(openPlace(place), 'cat; echo done', { pipeStdin: true });
    await child.write(Buffer.from('in\n'));
    await child.closeStdin();
    expect((await text(child)).stdout).toBe('in\ndone\n');
  });

  test('a terminal is one: everything comes as pty, lines end in CR LF, and input is echoed', async () => {
    const child = await sh(openPlace(place), 'tty -s && echo yes; read x; echo got $x', { tty: true });
    await saw(child, 'yes');
    await child.write(Buffer.from('word\n'));
    const { pty, stdout } = await text(child);
    expect(pty).toContain('yes\r\n');
    expect(pty).toContain('got word\r\n');
    expect(stdout).toBe('');
  });

  test.runIf(extensions)('a terminal has the size it is given, and another when it is resized', async () => {
    const child = await sh(openPlace(place), 'stty size; read x; stty size', {
      tty: true,
      size: { cols: 111, rows: 33 },
    });
    await saw(child, '33 111');
    await child.resize({ cols: 99, rows: 22 });
    await child.write(Buffer.from('\n'));
    expect((await text(child)).pty).toContain('22 99');
  });

  test.runIf(place.real !== '0.129.0')('an interrupt reaches a child without a terminal', async () => {
    const child = await sh(
      openPlace(place),
      'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.05; done',
    );
    await saw(child, 'ready');
    await child.signal('interrupt');
    expect(await text(child)).toMatchObject({ stdout: 'ready\ncaught\n', exitCode: 5 });
  });

  test('terminate ends it at once, says that it was running, and what it had written is there', async () => {
    const child = await sh(openPlace(place), 'trap "" TERM; echo ready; while :; do sleep 0.05; done');
    await saw(child, 'ready');
    expect(await child.terminate()).toEqual({ running: true });
    expect(await text(child)).toMatchObject({ stdout: 'ready\n', exitCode: endedBy(9) });
    expect(await child.terminate()).toEqual({ running: false });
  });

  test('a signal that a child dies of shows in its exit code', async () => {
    const child = await sh(openPlace(place), 'kill -TERM $$; sleep 5');
    expect((await wait(child)).exitCode).toBe(endedBy(15));
  });

  test('read long-polls: it answers when something new happens', async () => {
    const child = await sh(openPlace(place), 'echo one; sleep 0.3; echo two; sleep 5');
    await saw(child, 'one');
    const { nextSeq } = await child.read();
    const news = await child.read({ afterSeq: nextSeq - 1, waitMs: 10_000 });
    expect(Buffer.concat(news.chunks.map(({ chunk }) => chunk)).toString()).toBe('two\n');
    await child.terminate();
  });

  test('a grandchild that holds the output delays the end, not the exit', async () => {
    const child = await sh(openPlace(place), 'echo first; sleep 0.2; (sleep 0.6; echo late) & exit 7');
    const order: string[] = [];
    for await (const event of child.events())
      order.push(event.type === 'output' ? event.chunk.toString().trim() : event.type);
    expect(order).toEqual(['first', 'exited', 'late', 'closed']);
  });

  test('a program that is not there fails to start, runs nothing, and frees its id', async () => {
    const environment = openPlace(place);
    const id = processId('same-id');
    const missing = sh(environment, '', { processId: id, argv: ['/no/such/program'] });
    await expect(missing).rejects.toThrow(/No such file or directory/);
    expect((await text(await sh(environment, 'echo again', { processId: id }))).stdout).toBe('again\n');
  });

  test('an id that is in use is refused', async () => {
    const environment = openPlace(place);
    const id = processId('taken');
    const child = await sh(environment, 'sleep 5', { processId: id });
    // Local backends take any id: a session is what keeps them apart.
    if (place.name !== 'local')
      await expect(sh(environment, 'true', { processId: id })).rejects.toThrow(/already exists/);
    await child.terminate();
  });

  test('the environment is what it is given, and nothing else', async () => {
    const child = await sh(openPlace(place), '/usr/bin/env | /usr/bin/sort', {
      env: { A: '1', B_C: 'two words' },
    });
    const { stdout } = await text(child);
    expect(stdout.split('\n').filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line))).toEqual([
      'A=1',
      'B_C=two words',
      '',
    ]);
  });

  test('many at once do not mix', async () => {
    const environment = openPlace(place);
    const texts = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => text(await sh(environment, `echo ${i}; exit ${i}`))),
    );
    expect(texts.map(({ stdout, exitCode }) => [stdout, exitCode])).toEqual(texts.map((_, i) => [`${i}\n`, i]));
  });
}
