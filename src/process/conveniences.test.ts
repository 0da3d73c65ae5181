import { expect, test } from 'vitest';
import { ProcessLog } from '../event-log/process-log.js';
import { kill, text, wait } from './conveniences.js';
import type { ExecProcess } from './types.js';

/** As much of a process as they use. */
function fake() {
  const log = new ProcessLog({ maxBytes: 100 });
  const terminations: unknown[] = [];
  const process = {
    events: (options) => log.subscribe(options),
    ended: () => log.whenEnded,
    info: () => ({
      exitCode: log.exited?.exitCode ?? null,
      signal: log.exited?.signal ?? null,
      closed: log.closed,
      nextSeq: log.nextSeq,
    }),
    terminate: (options) => {
      terminations.push(options);
      log.appendExited(137, 'SIGKILL');
      log.appendClosed();
      return Promise.resolve({ running: true });
    },
  } as ExecProcess;
  return { log, process, terminations };
}

const end = (log: ProcessLog, exitCode = 0) => {
  log.appendExited(exitCode, null);
  log.appendClosed();
};

test('waiting ends with closed, not with exited: a grandchild may go on writing', async () => {
  const { log, process } = fake();
  let done = false;
  const waiting = wait(process).finally(() => {
    done = true;
  });
  log.appendExited(3, null);
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toBe(false);
  log.appendClosed();
  expect(await waiting).toEqual({ exitCode: 3, signal: null });
  expect(await wait(process)).toEqual({ exitCode: 3, signal: null });
});

test('an exit code that is not known is null', async () => {
  const { log, process } = fake();
  log.skipTo(5);
  log.appendClosed();
  expect(await wait(process)).toEqual({ exitCode: null, signal: null });
});

test('waiting for a process that can no longer be followed rejects with the reason, early or late', async () => {
  const { log, process } = fake();
  const waiting = wait(process);
  log.fail(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  await expect(wait(process)).rejects.toThrow('gone');
  await expect(text(process)).rejects.toThrow('gone');
});

test('waiting can be given up', async () => {
  const { process } = fake();
  const controller = new AbortController();
  const waiting = wait(process, { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(text(process, { signal: controller.signal })).rejects.toThrow('enough');
});

test('text joins bytes before it decodes them: a character may span two chunks', async () => {
  const { log, process } = fake();
  const gathering = text(process);
  log.appendOutput('stdout', Buffer.from([0xc3]));
  log.appendOutput('stderr', Buffer.from('!'));
  log.appendOutput('stdout', Buffer.from([0xa4]));
  end(log);
  expect(await gathering).toEqual({ stdout: 'ä', stderr: '!', pty: '', exitCode: 0, signal: null, incomplete: false });
});

test('text says when something is missing', async () => {
  const { log, process } = fake();
  for (let i = 0; i < 10; i++) log.appendOutput('stdout', Buffer.alloc(30, String(i)));
  end(log);
  expect(await text(process)).toMatchObject({ incomplete: true });
});

test('text stops at its limit and says so', async () => {
  const { log, process } = fake();
  const gathering = text(process, { maxBytes: 5 });
  log.appendOutput('stdout', Buffer.from('1234'));
  log.appendOutput('stderr', Buffer.from('abcd'));
  end(log);
  expect(await gathering).toMatchObject({ stdout: '1234', stderr: 'a', incomplete: true });
});

test('kill terminates with the grace that was asked for, and waits', async () => {
  const { process, terminations } = fake();
  expect(await kill(process, { graceMs: 5 })).toEqual({ exitCode: 137, signal: 'SIGKILL' });
  expect(terminations).toEqual([{ graceMs: 5 }]);
});
