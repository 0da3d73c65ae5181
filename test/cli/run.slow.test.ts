import { test } from 'vitest';
import { runAcrossCut } from './run-across-cut.js';

test('5 s without a network in the middle of a command are made up for', async () => {
  await runAcrossCut(5_000);
}, 60_000);
