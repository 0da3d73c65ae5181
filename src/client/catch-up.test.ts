import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ProcessEvent } from '../event-log/events.js';
import { ProcessLog } from '../event-log/process-log.js';
import { accountFor, type CatchUpStep, type ReadAnswer, type ReadProcess, readRetained } from './catch-up.js';

type Flavour = 'ours' | '0.129.0' | '0.169.0';

/** What a process did, one letter per seq: `o` output, `x` exited, `c` closed; capitals are outputs that retention dropped. */
interface History {
  letters: string;
  /** Chunks before this seq are gone. */
  firstRetained: number;
}

/** Answers process/read as the server of that name does. */
function server(flavour: Flavour, { letters, firstRetained }: History): ReadProcess {
  const at = (letter: string) => letters.indexOf(letter) + 1;
  const trueNextSeq = letters.length + 1;
  return ({ afterSeq = 0 }) => {
    const chunks: ReadAnswer['chunks'] = [];
    for (let seq = Math.max((afterSeq ?? 0) + 1, firstRetained); seq < trueNextSeq; seq++) {
      if (letters[seq - 1] === 'o')
        chunks.push({ seq, stream: 'stdout', chunk: Buffer.from(`${seq};`).toString('base64') });
    }
    const exited = letters.includes('x');
    const closed = letters.includes('c');
    const last = chunks.at(-1);
    const answer: ReadAnswer = {
      chunks,
      nextSeq: flavour === '0.129.0' && last ? last.seq + 1 : trueNextSeq,
      exited,
      exitCode: exited ? 7 : null,
      closed,
      failure: null,
    };
    if (flavour === 'ours') {
      answer.exitedSeq = exited ? at('x') : null;
      answer.closedSeq = closed ? at('c') : null;
      answer.signal = null;
      answer.lost = null;
    }
    return Promise.resolve(answer);
  };
}

async function steps(flavour: Flavour, history: History, afterSeq = 0, held: ProcessEvent[] = []): Promise<string[]> {
  const retained = await readRetained(server(flavour, history), 'p', afterSeq);
  const exitKnown = history.letters.slice(0, afterSeq).includes('x');
  return accountFor(afterSeq, retained, held, exitKnown).map(show);
}

function show(step: CatchUpStep): string {
  return step.type === 'gap' ? `gap ${step.fromSeq}-${step.toSeq}` : `${step.type} ${step.seq}`;
}

describe.each(['ours', '0.129.0', '0.169.0'] as const)('from %s', (flavour) => {
  const all = (letters: string, firstRetained = 1) => ({ letters, firstRetained });
  test.each<[string, History, number, string[]]>([
    ['nothing has happened', all(''), 0, []],
    ['nothing new has happened', all('oo'), 2, []],
    ['output alone', all('ooo'), 1, ['output 2', 'output 3']],
    ['the usual end', all('oxc'), 0, ['output 1', 'exited 2', 'closed 3']],
    ['an end without output', all('xc'), 0, ['exited 1', 'closed 2']],
    ['an exit before the last output', all('xoc'), 0, ['exited 1', 'output 2', 'closed 3']],
    ['an exit in the midst, and still open', all('oxo'), 0, ['output 1', 'exited 2', 'output 3']],
    ['an exit as the last so far', all('ox'), 0, ['output 1', 'exited 2']],
    ['closed after an exit that is known', all('oxc'), 2, ['closed 3']],
    ['output and closed after an exit that is known', all('oxoc'), 2, ['output 3', 'closed 4']],
    ['retention has dropped the head', all('ooooo', 4), 1, ['gap 2-3', 'output 4', 'output 5']],
    ['the head is dropped and it has ended', all('ooooxc', 4), 0, ['gap 1-3', 'output 4', 'exited 5', 'closed 6']],
    [
      'the exit lies behind the dropped head',
      all('ooooxoc', 4),
      0,
      ['gap 1-3', 'output 4', 'exited 5', 'output 6', 'closed 7'],
    ],
    ['nothing but the end is left', all('ooxc', 5), 0, ['gap 1-2', 'exited 3', 'closed 4']],
    ['all has been seen', all('oxc'), 3, []],
  ])('%s', async (_what, history, afterSeq, expected) => {
    expect(await steps(flavour, history, afterSeq)).toEqual(expected);
  });
});

test('an exit within the dropped head is where our server says, and at its end where the server does not say', async () => {
  const history = { letters: 'oxoooc', firstRetained: 5 };
  expect(await steps('ours', history)).toEqual(['gap 1-1', 'exited 2', 'gap 3-4', 'output 5', 'closed 6']);
  const guess = ['gap 1-3', 'exited 4', 'output 5', 'closed 6'];
  expect(await steps('0.169.0', history)).toEqual(guess);
  expect(await steps('0.129.0', history)).toEqual(guess);
});

test('an exit that came as a notification is placed by it', async () => {
  const held: ProcessEvent[] = [{ type: 'exited', seq: 2, exitCode: 7, signal: null, sandboxDenied: false }];
  const history = { letters: 'oxoooc', firstRetained: 5 };
  expect(await steps('0.169.0', history, 0, held)).toEqual(['gap 1-1', 'exited 2', 'gap 3-4', 'output 5', 'closed 6']);
});

test('an exit without a code stays a gap: a code is never made up', async () => {
  const read: ReadProcess = () =>
    Promise.resolve({ chunks: [], nextSeq: 3, exited: true, exitCode: null, closed: true, failure: null });
  const retained = await readRetained(read, 'p', 0);
  expect(accountFor(0, retained, [], false).map(show)).toEqual(['gap 1-1', 'closed 2']);
});

test('any history of any server ends up in the log as it was, or as an explicit gap', async () => {
  const history = fc
    .record({
      outputs: fc.nat(30),
      exitAt: fc.option(fc.nat(30)),
      closed: fc.boolean(),
      dropped: fc.nat(30),
      seen: fc.nat(32),
      flavour: fc.constantFrom<Flavour>('ours', '0.129.0', '0.169.0'),
    })
    .map(({ outputs, exitAt, closed, dropped, seen, flavour }) => {
      let letters = 'o'.repeat(outputs);
      if (exitAt !== null) letters = `${letters.slice(0, exitAt)}x${letters.slice(exitAt)}${closed ? 'c' : ''}`;
      return {
        letters,
        firstRetained: Math.min(dropped, letters.length) + 1,
        seen: Math.min(seen, letters.length),
        flavour,
      };
    });
  await fc.assert(
    fc.asyncProperty(history, async ({ flavour, seen, ...past }) => {
      const retained = await readRetained(server(flavour, past), 'p', seen);
      const exitKnown = past.letters.slice(0, seen).includes('x');
      const result = accountFor(seen, retained, [], exitKnown);
      let next = seen + 1;
      let gaps = 0;
      for (const step of result) {
        expect(step.type === 'gap' ? step.fromSeq : step.seq).toBe(next);
        next = step.type === 'gap' ? step.toSeq + 1 : step.seq + 1;
        if (step.type === 'gap') {
          gaps++;
          // Only what retention dropped, and an exit whose place is not told, may be in a gap.
          expect(step.toSeq).toBeLessThan(Math.max(past.firstRetained, 1));
        } else if (step.type === 'output') {
          expect(step.chunk.toString()).toBe(`${step.seq};`);
          expect(past.letters[step.seq - 1]).toBe('o');
        } else if (step.type === 'closed') expect(past.letters[step.seq - 1]).toBe('c');
        else if (step.seq >= past.firstRetained) expect(past.letters[step.seq - 1]).toBe('x');
      }
      expect(next).toBe(past.letters.length + 1);
      if (past.firstRetained <= seen + 1) expect(gaps).toBe(0);
      const exits = result.filter((step) => step.type === 'exited').length;
      expect(exits).toBe(past.letters.includes('x') && !exitKnown ? 1 : 0);
    }),
    { numRuns: 1000 },
  );
});

test('gaps that a log is told of reach its subscribers as such', async () => {
  const log = new ProcessLog();
  const retained = await readRetained(server('0.169.0', { letters: 'ooooxc', firstRetained: 4 }), 'p', 0);
  for (const step of accountFor(0, retained, [], false)) {
    if (step.type === 'gap') log.skipTo(step.toSeq);
    else if (step.type === 'output') log.appendOutput(step.stream, step.chunk);
    else if (step.type === 'exited') log.appendExited(step.exitCode, step.signal);
    else log.appendClosed();
  }
  const seen: string[] = [];
  for await (const event of log.subscribe()) seen.push(event.type);
  expect(seen).toEqual(['gap', 'output', 'exited', 'closed']);
});
