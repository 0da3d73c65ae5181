import { expect, test } from 'vitest';
import type { Environment } from '../environment/types.js';
import { ProcessLog } from '../event-log/process-log.js';
import type { ExecProcess, StartParams } from '../process/types.js';
import { agentTools } from './tools.js';
import { UnifiedExecManager } from './unified-exec-manager.js';

/** A process that does what the test says. */
class Scripted {
  readonly log = new ProcessLog();
  readonly params: StartParams;
  readonly done: string[] = [];
  released = false;
  /** It reads nothing of what is typed. */
  stalled = false;
  /** Instead of taking what is typed. */
  refuseInput: (() => void) | undefined;

  constructor(params: StartParams) {
    this.params = params;
  }

  get process(): ExecProcess {
    return {
      processId: this.params.processId,
      events: (options?: Parameters<ExecProcess['events']>[0]) => this.log.subscribe(options),
      write: async (chunk: Buffer) => {
        if (this.stalled) return new Promise<never>(() => undefined);
        if (this.refuseInput) {
          this.refuseInput();
          return 'stdinClosed' as const;
        }
        this.done.push(chunk.toString());
        return 'accepted' as const;
      },
      signal: async (name: string) => void this.done.push(`signal ${name}`),
      terminate: async () => {
        this.done.push('terminate');
        this.exit(137);
        return { running: true };
      },
      release: () => {
        this.released = true;
      },
    } as Partial<ExecProcess> as ExecProcess;
  }

  say(text: string): this {
    this.log.appendOutput('stdout', Buffer.from(text));
    return this;
  }

  exit(code: number): void {
    this.log.appendExited(code, null);
    this.log.appendClosed();
  }
}

/** `script` is told of each process that starts. */
function scripted(script: (process: Scripted) => void = () => undefined) {
  const started: Scripted[] = [];
  const environment = {
    id: 'test',
    info: async () => ({ shell: { name: 'zsh', path: '/bin/zsh' }, cwd: 'file:///src' }),
    processes: {
      start: async (params: StartParams) => {
        const process = new Scripted(params);
        started.push(process);
        script(process);
        return process.process;
      },
    },
  } as Partial<Environment> as Environment;
  return { started, manager: new UnifiedExecManager({ environments: environment }) };
}

const QUICK = { yieldTimeMs: 250 };

test('the shell, the directory and the environment policy are those of the executor', async () => {
  const { started, manager } = scripted((process) => process.exit(0));
  await manager.execCommand({ cmd: 'make', workdir: 'sub/../lib' });
  await manager.execCommand({ cmd: 'make', workdir: '/abs', shell: 'sh', login: false, tty: true });
  expect(started.map(({ params }) => params)).toMatchObject([
    { argv: ['/bin/zsh', '-lc', 'make'], cwd: '/src/lib', tty: false, envPolicy: { inherit: 'all' } },
    { argv: ['sh', '-c', 'make'], cwd: '/abs', tty: true },
  ]);
});

test('when there are 64 processes, the least recently used one that has exited is ended first, then the least recently used', async () => {
  const { started, manager } = scripted();
  await Promise.all(Array.from({ length: 64 }, (_, i) => manager.execCommand({ cmd: `${i}`, ...QUICK })));
  // The 31st has exited, but what it left holds its output.
  started[30]?.log.appendExited(0, null);
  await manager.execCommand({ cmd: '64', ...QUICK });
  await manager.execCommand({ cmd: '65', ...QUICK });
  const ended = started.filter(({ done }) => done.includes('terminate')).map(({ params }) => params.argv[2]);
  expect(ended.sort()).toEqual(['0', '30']);
  expect(manager.list()).toHaveLength(64);
});

test('the most recently used processes, and those in use, are not ended to make room', async () => {
  const { started, manager } = scripted();
  const results = await Promise.all(
    Array.from({ length: 64 }, (_, i) => manager.execCommand({ cmd: `${i}`, ...QUICK })),
  );
  const first = results[0]?.sessionId ?? 0;
  const call = new AbortController();
  const polling = manager.writeStdin({ sessionId: first, yieldTimeMs: 300_000 }, { signal: call.signal });
  for (const process of started.slice(-8)) process.log.appendExited(0, null);
  await manager.execCommand({ cmd: 'one more', ...QUICK });
  const ended = started.filter(({ done }) => done.includes('terminate')).map(({ params }) => params.argv[2]);
  expect(ended).toEqual(['1']);
  call.abort(new Error('enough'));
  await expect(polling).rejects.toThrow('enough');
});

test('from 60 processes on the model is warned', async () => {
  const { manager } = scripted();
  const start = (i: number) => manager.execCommand({ cmd: `${i}`, ...QUICK });
  await Promise.all(Array.from({ length: 58 }, (_, i) => start(i)));
  expect((await start(58)).warning).toBeNull();
  expect((await start(59)).warning).toMatch(/is 60 and you currently have 60 processes open/);
});

test('calls on one session take their turns', async () => {
  const { started, manager } = scripted((process) => process.say('$ '));
  const { sessionId } = await manager.execCommand({ cmd: 'sh', tty: true, ...QUICK });
  const type = (chars: string) => manager.writeStdin({ sessionId: sessionId ?? 0, chars, ...QUICK });
  const first = type('a');
  const second = type('b');
  const [process] = started;
  await Promise.resolve();
  expect(process?.done).not.toContain('b');
  process?.say('A');
  expect((await first).output).toBe('A');
  process?.say('B');
  expect((await second).output).toBe('B');
  expect(process?.done).toEqual(['a', 'b']);
});

test('a process that can no longer be followed is told from one that exited, and asked for again it says so', async () => {
  const { started, manager } = scripted((process) => process.say('half'));
  const { sessionId } = await manager.execCommand({ cmd: 'make', ...QUICK });
  started[0]?.log.fail(new Error('the session expired'));
  const [, writeStdin] = agentTools(manager);
  const poll = () => writeStdin.execute({ session_id: sessionId });
  expect(await poll()).toContain(
    'Process lost: the session expired. Whether it still runs is not known: check before running it again',
  );
  expect(await poll()).toMatch(/^write_stdin failed: Unknown process id \d+: the connection to it was lost/);
  expect(started[0]?.released).toBe(true);
});

test('input that is not taken is an error, unless the process has just ended', async () => {
  const { started, manager } = scripted();
  const { sessionId } = await manager.execCommand({ cmd: 'sh', tty: true, ...QUICK });
  const type = () => manager.writeStdin({ sessionId: sessionId ?? 0, chars: 'x', yieldTimeMs: 2_000 });
  const [process] = started;
  if (!process) throw new Error('nothing was started');
  process.refuseInput = () => undefined;
  await expect(type()).rejects.toMatchObject({ code: 'input_failed', message: expect.stringContaining('stdinClosed') });
  process.refuseInput = () => void setImmediate(() => process.exit(4));
  expect(await type()).toMatchObject({ exitCode: 4, sessionId: null });
});

test('input that the process does not read holds nobody up, and is said to wait', async () => {
  const { started, manager } = scripted();
  const { sessionId } = await manager.execCommand({ cmd: 'sh', tty: true, ...QUICK });
  const type = () => manager.writeStdin({ sessionId: sessionId ?? 0, chars: 'x', ...QUICK });
  if (started[0]) started[0].stalled = true;
  expect((await type()).warning).toMatch(/has not read all of the input yet/);
  if (started[0]) started[0].stalled = false;
  expect((await type()).warning).toBeNull();
});

test('a start that is under way when the manager is closed is ended', async () => {
  const { started, manager } = scripted();
  const starting = manager.execCommand({ cmd: 'slow', ...QUICK });
  const refused = expect(starting).rejects.toMatchObject({ code: 'manager_closed' });
  await manager.close();
  await refused;
  expect(started[0]?.done).toEqual(['terminate']);
});

test('the tools take what a model writes, and answer with text whatever happens', async () => {
  const { manager } = scripted((process) => {
    process.say('hi\n').exit(0);
  });
  const [execCommand, writeStdin] = agentTools(manager);
  expect(await execCommand.execute('{"cmd":"echo hi","yield_time_ms":1000}')).toMatch(
    /^Chunk ID: [0-9a-f]{6}\nWall time: \d+\.\d{4} seconds\nProcess exited with code 0\nOriginal token count: 1\nOutput:\nhi\n$/,
  );
  expect(await execCommand.execute({ command: 'x' })).toMatch(/^failed to parse function arguments: /);
  expect(await execCommand.execute('{')).toMatch(/^failed to parse function arguments: /);
  expect(await writeStdin.execute({ session_id: 77, chars: 'x' })).toMatch(
    /^write_stdin failed: Unknown process id 77/,
  );
  expect(execCommand.parameters).toMatchObject({ type: 'object', required: ['cmd'], additionalProperties: false });
});
