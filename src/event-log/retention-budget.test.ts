import { expect, test } from 'vitest';
import { ProcessLog } from './process-log.js';
import { RetentionBudget } from './retention-budget.js';

const bytes = (n: number) => Buffer.alloc(n);

test('what all logs retain together stays within the budget', () => {
  const budget = new RetentionBudget(1_000);
  const logs = Array.from({ length: 5 }, () => new ProcessLog({ budget }));
  for (let i = 0; i < 100; i++) {
    logs[i % 5]?.appendOutput('stdout', bytes(50));
    expect(budget.usedBytes).toBeLessThanOrEqual(1_000);
    expect(budget.usedBytes).toBe(logs.reduce((sum, log) => sum + log.retainedBytes, 0));
  }
});

test('logs that have ended give way before logs that go on', () => {
  const budget = new RetentionBudget(1_000);
  const ended = new ProcessLog({ budget });
  const running = new ProcessLog({ budget });
  ended.appendOutput('stdout', bytes(100));
  ended.appendOutput('stdout', bytes(100));
  ended.appendClosed();
  for (let i = 0; i < 8; i++) running.appendOutput('stdout', bytes(100));
  expect(ended.retainedBytes).toBe(200);
  running.appendOutput('stdout', bytes(100));
  expect(ended.retainedBytes).toBe(0);
  expect(running.retainedBytes).toBe(900);
});

test('of those that have ended, the one that ended first gives way first, however little it holds', () => {
  const budget = new RetentionBudget(1_000);
  const later = new ProcessLog({ budget });
  const first = new ProcessLog({ budget });
  later.appendOutput('stdout', bytes(400));
  first.appendOutput('stdout', bytes(300));
  first.appendClosed();
  later.appendClosed();
  const running = new ProcessLog({ budget });
  for (let i = 0; i < 4; i++) running.appendOutput('stdout', bytes(100));
  expect(first.retainedBytes).toBe(0);
  expect(later.retainedBytes).toBe(400);
});

test('the largest of those that go on gives way first', () => {
  const budget = new RetentionBudget(1_000);
  const large = new ProcessLog({ budget });
  const small = new ProcessLog({ budget });
  for (let i = 0; i < 9; i++) large.appendOutput('stdout', bytes(100));
  small.appendOutput('stdout', bytes(100));
  small.appendOutput('stdout', bytes(100));
  expect(small.retainedBytes).toBe(200);
  expect(large.retainedBytes).toBe(700);
});

test('what a subscriber that holds back has yet to take is kept, and others give way for it', () => {
  const budget = new RetentionBudget(1_000);
  const held = new ProcessLog({ budget });
  const other = new ProcessLog({ budget });
  const reader = held.subscribe({ holdBack: true });
  for (let i = 0; i < 9; i++) held.appendOutput('stdout', bytes(100));
  other.appendOutput('stdout', bytes(50));
  other.appendOutput('stdout', bytes(60));
  expect(held.retainedBytes).toBe(900);
  expect(other.retainedBytes).toBe(0);
  for (let seq = 1; seq <= 9; seq++) expect(reader.take()).toMatchObject({ seq });
});

test('a log that is released no longer counts', () => {
  const budget = new RetentionBudget(1_000);
  const log = new ProcessLog({ budget });
  log.appendOutput('stdout', bytes(400));
  log.release();
  log.release();
  log.appendOutput('stdout', bytes(400));
  expect(budget.usedBytes).toBe(0);
});

test('skipping frees what it drops', () => {
  const budget = new RetentionBudget(1_000);
  const log = new ProcessLog({ budget });
  log.appendOutput('stdout', bytes(400));
  log.skipTo(3);
  expect(budget.usedBytes).toBe(0);
});
