import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { UnifiedExecManager } from '../../src/unified-exec/index.js';
import type { Place } from '../behaviour/places.js';
import { scratchDirectory, until } from '../harness/index.js';
import { converse, LONG, openManager, running } from './conversation.js';
import { overOurs, overRealServers } from './every-place.js';

/** Says where it listens and what it is asked, leaves at SIGINT, and at the latest after a minute. */
const SERVER = `
import { createServer } from 'node:http';
import { renameSync, writeFileSync } from 'node:fs';
const server = createServer((request, response) => {
  console.log('asked for ' + request.url);
  response.end('hello from ' + request.url + '\\n');
});
server.listen(0, '127.0.0.1', () => {
  writeFileSync('port.new', String(server.address().port));
  renameSync('port.new', 'port');
  console.log('listening');
});
process.on('SIGINT', () => { console.log('bye'); process.exit(9); });
setTimeout(() => process.exit(), 60_000);
`;

function devServer(): { directory: string; cmd: string; ask: string; port: string } {
  const directory = scratchDirectory();
  writeFileSync(join(directory, 'server.mjs'), SERVER);
  const ask = `const port = require('node:fs').readFileSync('port', 'utf8');
    fetch('http://127.0.0.1:' + port + '/page').then((r) => r.text()).then(console.log, () => process.exit(7))`;
  return {
    directory,
    cmd: `exec ${process.execPath} server.mjs`,
    ask: `${process.execPath} -e "${ask}"`,
    port: join(directory, 'port'),
  };
}

async function ask(manager: UnifiedExecManager, cmd: string): Promise<string> {
  const { output, exitCode } = await manager.execCommand({ cmd, yieldTimeMs: LONG });
  return exitCode === 0 ? output : `exit code ${exitCode}`;
}

overOurs(devServersBehave);
overRealServers(devServersBehave);

/** What never ends by itself. */
function devServersBehave(place: Place): void {
  test('a dev server runs beside other commands, its log is read on, and Ctrl-C ends it', async () => {
    const { directory, cmd, ask: question, port } = devServer();
    const manager = openManager(place, { cwd: directory });
    const started = await manager.execCommand({ cmd, tty: true, yieldTimeMs: 250 });
    const sessionId = running(started.sessionId);
    await until(() => existsSync(port), { what: 'the server to listen' });
    expect(await ask(manager, question)).toBe('hello from /page\n\n');
    const log = started.output + (await converse(manager, sessionId, '\n', (text) => text.includes('asked for /page')));
    expect(log).toContain('listening\r\n');
    const left = await manager.writeStdin({ sessionId, chars: '\u0003', yieldTimeMs: LONG });
    expect(left).toMatchObject({ exitCode: 9, sessionId: null });
    expect(left.output).toContain('bye\r\n');
    expect(await ask(manager, question)).toBe('exit code 7');
  });

  test('a dev server that a command leaves behind can be reached, and is ended with its session', async () => {
    const { directory, cmd, ask: question } = devServer();
    const manager = openManager(place, { cwd: directory });
    const result = await manager.execCommand({
      cmd: `(${cmd}) & while [ ! -e port ]; do sleep 0.05; done; echo $!; exit 3`,
      yieldTimeMs: LONG,
    });
    expect(result).toMatchObject({ exitCode: 3 });
    const sessionId = running(result.sessionId);
    expect(await ask(manager, question)).toBe('hello from /page\n\n');
    expect(manager.list()).toMatchObject([{ sessionId, hasExited: true }]);
    if (place.real) {
      // A real server does not end what a leader has left.
      process.kill(Number(/^\d+$/m.exec(result.output)?.[0]));
      await manager.writeStdin({ sessionId });
    } else {
      await manager.terminate(sessionId);
    }
    expect(manager.list()).toEqual([]);
    await until(async () => (await ask(manager, question)) === 'exit code 7', { what: 'the server to be gone' });
  });

  test('what several calls bring adds up to the output, each byte once', async () => {
    const manager = openManager(place);
    const cmd = 'for i in $(seq 1 400); do echo "line $i"; sleep 0.005; done';
    const parts = [await manager.execCommand({ cmd, tty: true, yieldTimeMs: 250 })];
    // Ctrl-Q, which a terminal swallows: with nothing to type a call waits for 5 s.
    for (let last = parts[0]; last?.sessionId; parts.push(last))
      last = await manager.writeStdin({ sessionId: last.sessionId, chars: '\u0011', yieldTimeMs: 250 });
    const whole = Array.from({ length: 400 }, (_, at) => `line ${at + 1}\r\n`).join('');
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map(({ output }) => output).join('')).toBe(whole);
    expect(parts.at(-1)).toMatchObject({ exitCode: 0 });
  });
}
