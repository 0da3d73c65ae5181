import { expect, test } from 'vitest';
import { DenialGuess } from './denial.js';

function guess(exitCode: number, ...output: string[]): boolean {
  const denial = new DenialGuess();
  for (const chunk of output) denial.addOutput(Buffer.from(chunk));
  return denial.looksDenied(exitCode);
}

test('a failure with a telling word in its output looks denied', () => {
  expect(guess(1, 'touch: READ-ONLY file system')).toBe(true);
  expect(guess(127, 'Permission de', 'nied\n')).toBe(true);
  expect(guess(1, 'no such file')).toBe(false);
});

test('success does not, whatever it says', () => {
  expect(guess(0, 'permission denied')).toBe(false);
});

test('a forbidden system call does, without a word', () => {
  expect(guess(128 + 31)).toBe(true);
});

test('only the end of the output counts, however it was cut', () => {
  expect(guess(1, 'permission denied', 'x'.repeat(70_000))).toBe(false);
  expect(guess(1, 'permission denied', ...Array.from({ length: 70_000 }, () => 'x'))).toBe(false);
  expect(guess(1, 'x'.repeat(200_000), 'permission denied', ...Array.from({ length: 3000 }, () => 'x'))).toBe(true);
});
