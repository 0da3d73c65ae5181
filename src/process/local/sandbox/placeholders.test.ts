import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchDir } from '../../../../test/processes/scratch-dir.js';
import { Placeholders } from './placeholders.js';

function placeholdersIn(directory: string) {
  const links = join(directory, 'links');
  return { placeholders: new Placeholders(links), links, path: join(directory, 'placeholder') };
}

test('a placeholder stands until the last who holds it lets go, and so does the link to it', () => {
  const { placeholders, links, path } = placeholdersIn(scratchDir());
  expect(placeholders.hold(path)).toBe(true);
  expect(placeholders.hold(path)).toBe(true);
  expect(readdirSync(links)).toHaveLength(1);
  placeholders.release(path);
  expect({ stands: existsSync(path), known: placeholders.has(path) }).toEqual({ stands: true, known: true });
  placeholders.release(path);
  expect({ stands: existsSync(path), known: placeholders.has(path) }).toEqual({ stands: false, known: false });
  expect(readdirSync(links)).toEqual([]);
});

test('what somebody else has made is not taken over, and never removed', () => {
  const { placeholders, links, path } = placeholdersIn(scratchDir());
  mkdirSync(path);
  expect(placeholders.hold(path)).toBe(false);
  placeholders.release(path);
  expect(existsSync(path)).toBe(true);
  expect(readdirSync(links)).toEqual([]);
});

test('what somebody else has filled is left to them', () => {
  const { placeholders, path } = placeholdersIn(scratchDir());
  placeholders.hold(path);
  writeFileSync(join(path, 'file'), 'theirs');
  placeholders.release(path);
  expect(readdirSync(path)).toEqual(['file']);
});

test('where nothing can be made, the error is told', () => {
  const { placeholders, links, path } = placeholdersIn(scratchDir());
  expect(() => placeholders.hold(join(path, 'deeper'))).toThrow('ENOENT');
  expect(readdirSync(links)).toEqual([]);
});
