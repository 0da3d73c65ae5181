import { bulk } from './bulk.mjs';
import { echo } from './echo.mjs';
import { patchTenFiles, readFile } from './files.mjs';
import { lines } from './lines.mjs';
import { many, manyWindowed } from './many.mjs';
import { spawnAtRss } from './spawn-at-rss.mjs';
import { startClosedPipe, startClosedTty } from './start-closed.mjs';
import { terminateUnderBulk } from './terminate-under-bulk.mjs';

/** In the order in which they run. */
export const cases = [
  startClosedPipe,
  startClosedTty,
  echo,
  bulk,
  lines,
  many,
  manyWindowed,
  terminateUnderBulk,
  spawnAtRss,
  readFile,
  patchTenFiles,
];
