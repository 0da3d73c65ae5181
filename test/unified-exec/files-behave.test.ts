import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyPatch, formatPatchResult, type Workspace } from '../../src/unified-exec/index.js';
import { formatTree, listTree } from '../../src/unified-exec/workspace/list-tree.js';
import { readLines } from '../../src/unified-exec/workspace/read-lines.js';
import { writeText } from '../../src/unified-exec/workspace/write-text.js';
import { openPlace, type Place } from '../behaviour/places.js';
import { scratchDirectory } from '../harness/index.js';
import { places } from '../mcp/servers.js';
import { sandbox } from '../processes/sandboxes.js';

function workspace(place: Place): Workspace {
  const cwd = scratchDirectory();
  writeFileSync(join(cwd, 'f'), 'one\ntwo\n');
  writeFileSync(join(cwd, 'run'), 'old\n', { mode: 0o755 });
  return { files: openPlace(place).files, cwd, sandbox: undefined };
}

const PATCH = `*** Begin Patch
*** Update File: f
@@
-two
+2
*** Update File: run
*** Move to: bin/run
@@
-old
+new
*** Add File: a/b/n
+x
*** End Patch`;

for (const place of places()) {
  describe(`the files of an agent, ${place.name}`, () => {
    let end: () => void;
    beforeAll(async () => {
      end = await place.begin();
    });
    afterAll(() => end());

    test('are patched', async () => {
      const { files, cwd } = workspace(place);
      const result = await applyPatch(files, PATCH, { cwd });
      expect(formatPatchResult(result)).toBe('Success. Updated the following files:\nA a/b/n\nM f\nM bin/run\n');
      const read = (name: string) => readFileSync(join(cwd, name), 'utf8');
      expect([read('f'), read('bin/run'), read('a/b/n')]).toEqual(['one\n2\n', 'new\n', 'x\n']);
      expect(statSync(join(cwd, 'bin/run')).mode & 0o777).toBe(0o755);
      expect(existsSync(join(cwd, 'run'))).toBe(false);
    });

    test('are written, read and listed', async () => {
      const agent = workspace(place);
      expect(await writeText(agent, 'a/n', 'é\n')).toMatchObject({ bytes: 3, created: true });
      expect(await readLines(agent, { path: 'a/n' })).toBe('     1\té');
      await expect(readLines(agent, { path: 'none' })).rejects.toMatchObject({ kind: 'not_found' });
      const tree = formatTree(await listTree(agent, { depth: 2 })).replace(/ \(\d+ bytes\)/g, '');
      expect(tree).toBe(`${agent.cwd}:\na/\na/n\nf\nrun`);
    });

    // Real servers confine files by a program of theirs, and answer what is denied in their own ways.
    test.skipIf(place.real)('are confined, and a patch that is denied in part changes nothing', async () => {
      const { files, cwd } = workspace(place);
      mkdirSync(join(cwd, 'bin'));
      const policy = sandbox({ ':root': 'read', [cwd]: 'write', [join(cwd, 'bin')]: 'read' });
      await expect(applyPatch(files, PATCH, { cwd, sandbox: policy })).rejects.toMatchObject({
        message: expect.stringMatching(/bin.*Nothing was changed\.$/),
        cause: { kind: 'sandbox_denied' },
      });
      expect(readFileSync(join(cwd, 'f'), 'utf8')).toBe('one\ntwo\n');
      expect(existsSync(join(cwd, 'a'))).toBe(false);
    });
  });
}
