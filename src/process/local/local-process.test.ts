import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { RetentionBudget } from '../../event-log/retention-budget.js';
import { processId } from '../types.js';
import type { Child, ChildHandlers } from './child.js';
import { REMEMBERED_WRITE_IDS } from './limits.js';
import { LocalProcess } from './local-process.js';

/** A child that does what the test says. */
class FakeChild implements Child {
  readonly written: string[] = [];
  readonly calls: string[] = [];
  stdinOpen = true;
  handlers: ChildHandlers | undefined;

  constructor(readonly pid: number) {}

  start(handlers: ChildHandlers): void {
    this.handlers = handlers;
  }

  write(chunk: Buffer): Promise<boolean> {
    this.written.push(chunk.toString());
    return Promise.resolve(true);
  }

  closeStdin(): void {
    this.calls.push('closeStdin');
  }

  resize(): void {
    this.calls.push('resize');
  }

  pause(): void {
    this.calls.push('pause');
  }

  resume(): void {
    this.calls.push('resume');
  }

  releaseOutput(): void {
    this.calls.push('releaseOutput');
  }
}

/** Nobody's pid: signals to it go nowhere. */
const NOBODY = 2 ** 30;

function newProcess(pid = NOBODY) {
  const child = new FakeChild(pid);
  const params = { processId: processId('p'), argv: ['fake'] as const, cwd: '/', env: {}, tty: false, pipeStdin: true };
  const closed: string[] = [];
  const process = new LocalProcess(params, child, {
    budget: new RetentionBudget(),
    onClosed: (it) => closed.push(it.processId),
  });
  return { process, child, closed };
}

test.each([
  ['terminate', 'SIGKILL'],
  ['terminate with grace', 'SIGTERM'],
  ['signal', 'SIGUSR1'],
] as const)('%s reaches a child that leads no group yet, as one that was forked a moment ago', async (how, expected) => {
  const sleeper = spawn('sleep', ['1000'], { stdio: 'ignore' }); // of our own group
  onTestFinished(() => void sleeper.kill('SIGKILL'));
  const { process } = newProcess(sleeper.pid);
  const exited = once(sleeper, 'exit');
  if (how === 'signal') await process.signal(expected);
  else await process.terminate({ graceMs: how === 'terminate' ? 0 : 60_000 });
  expect(await exited).toEqual([null, expected]);
  process.release();
});

test('the ids of as many writes as are promised are remembered, and of no more', async () => {
  const { process, child } = newProcess();
  await process.write(Buffer.from('first'), { writeId: 'first' });
  for (let n = 1; n < REMEMBERED_WRITE_IDS; n++) await process.write(Buffer.from('.'), { writeId: String(n) });
  await process.write(Buffer.from('first'), { writeId: 'first' });
  expect(child.written).toHaveLength(REMEMBERED_WRITE_IDS);
  await process.write(Buffer.from('.'), { writeId: 'one more' });
  await process.write(Buffer.from('first'), { writeId: 'first' });
  expect(child.written.slice(-2)).toEqual(['.', 'first']);
});

test('the source is paused while a reader that holds back is far behind, and goes on when it has caught up', async () => {
  const { process, child } = newProcess();
  const events = process.events({ holdBack: true });
  for (let n = 0; n < 5; n++) child.handlers?.output('stdout', Buffer.alloc(65_536));
  expect(child.calls).toEqual(['pause']);
  while (events.take()) {
    // as fast as it can
  }
  expect(child.calls).toEqual(['pause', 'resume']);
  for (let n = 0; n < 5; n++) child.handlers?.output('stdout', Buffer.alloc(65_536));
  events.close();
  expect(child.calls).toEqual(['pause', 'resume', 'pause', 'resume']);
});

test('the end is told once, and the owner with it', async () => {
  const { process, child, closed } = newProcess();
  child.handlers?.exited({ exitCode: 3, signal: null });
  expect(process.info()).toMatchObject({ running: false, exitCode: 3, closed: false });
  expect(closed).toEqual([]);
  child.handlers?.outputEnded();
  expect(process.info()).toMatchObject({ closed: true, nextSeq: 3 });
  expect(closed).toEqual(['p']);
  await process.ended();
});
