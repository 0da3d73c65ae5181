import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** The native modules and the CommonJS packages that importing a file has loaded. `file` is in `dist/`, or a whole path. */
function loadedBy(file: string): string[] {
  const script = `
    import { createRequire } from 'node:module';
    await import(process.argv[1]);
    const native = process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node'));
    console.log(JSON.stringify([...native, ...Object.keys(createRequire('/').cache)]));`;
  const args = ['--input-type=module', '-e', script, resolve(DIST, file)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as string[];
}

test.each([
  'client/index.js',
  'protocol/index.js',
  'environment/index.js',
])('importing dist/%s loads no native module', (file) => {
  expect(loadedBy(file)).toEqual([]);
});

test('while one is noticed where it is loaded', () => {
  expect(loadedBy('transport/websocket-dial.js')).toContainEqual(expect.stringContaining('/ws/'));
  expect(loadedBy(createRequire(import.meta.url).resolve('koffi'))).toContainEqual(expect.stringMatching(/\.node$/));
});
