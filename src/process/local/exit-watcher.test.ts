import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../../test/harness/index.js';
import { newBackend, startScript } from '../../../test/processes/launchers.js';
import { happened, record, saw } from '../../../test/processes/recording.js';
import { ExitWatcher } from './exit-watcher.js';
import { loadLibc } from './libc.js';

const libc = loadLibc();
const describeNative = test.runIf(libc !== undefined);

describeNative('an exit whose SIGCHLD was lost is found all the same, a second later at most', async () => {
  const process = await startScript(newBackend(undefined), 'echo up; read line; exit 3', { pipeStdin: true });
  await saw(process, 'up');
  const listeners = globalThis.process.listeners('SIGCHLD');
  globalThis.process.removeAllListeners('SIGCHLD');
  onTestFinished(() => {
    for (const listener of listeners) globalThis.process.on('SIGCHLD', listener);
  });
  await process.closeStdin();
  await happened(process, 'exited');
  expect(process.info()).toMatchObject({ exitCode: 3, signal: null });
});

describeNative('an exit that somebody else has reaped is told as unknown, never made up', async () => {
  const process = await startScript(newBackend(undefined), 'exit 3');
  const { pid } = process.info();
  expect(libc?.waitpid(pid ?? 0, new Int32Array(1), 0)).toBe(pid); // waits, and takes it away from its watcher
  expect(await record(process)).toMatchObject({ exitCode: -1, signal: null, order: ['exited', 'closed'] });
});

describeNative('many that end in the same moment are each told once', async () => {
  const backend = newBackend(undefined);
  const processes = await Promise.all(
    Array.from({ length: 50 }, (_, n) => startScript(backend, `read line; exit ${n}`, { pipeStdin: true })),
  );
  await Promise.all(processes.map((process) => process.closeStdin()));
  const recordings = await Promise.all(processes.map(record));
  expect(recordings.map(({ exitCode }) => exitCode)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  for (const { order } of recordings) expect(order).toEqual(['exited', 'closed']);
});

describeNative('children that Node itself has started are left to Node', async () => {
  const backend = newBackend(undefined);
  const portable = newBackend('portable');
  const ours = await startScript(backend, 'exit 4');
  const nodes = await startScript(portable, 'exit 5');
  expect([(await record(ours)).exitCode, (await record(nodes)).exitCode]).toEqual([4, 5]);
});

describeNative('closed, a watcher leaves no listener and no timer', async () => {
  const before = globalThis.process.listenerCount('SIGCHLD');
  const timers = () => globalThis.process.getActiveResourcesInfo().filter((it) => it === 'Timeout').length;
  const timersBefore = timers();
  if (!libc) return;
  const watcher = new ExitWatcher(libc);
  expect(globalThis.process.listenerCount('SIGCHLD')).toBe(before + 1);
  const ended = new Promise((resolve) => {
    watcher.leader(2 ** 22 + 1).onExit(resolve); // nobody's pid
  });
  globalThis.process.emit('SIGCHLD', 'SIGCHLD');
  expect(await ended).toEqual({ exitCode: -1, signal: null });
  watcher.close();
  expect(globalThis.process.listenerCount('SIGCHLD')).toBe(before);
  await until(() => timers() <= timersBefore);
});
