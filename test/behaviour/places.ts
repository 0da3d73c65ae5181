import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Environment,
  LocalEnvironment,
  type ProgramEnvironmentSpec,
  RemoteEnvironment,
  type UrlEnvironmentSpec,
} from '../../src/environment/index.js';
import { atEnd } from '../harness/index.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A kind of place that all the same must hold for. */
export interface Place {
  name: string;
  /** Starts what all tests of the place share, and resolves with how to end it. */
  begin(): Promise<() => void>;
  open(): Environment;
  /** A real server: no extensions of ours, and its own ideas in some corners. */
  real?: '0.129.0' | '0.169.0';
}

/** An environment of its own for a test, closed at the end. */
export function openPlace(place: Place): Environment {
  const environment = place.open();
  atEnd(() => environment.close());
  return environment;
}

/** This machine, and every way to a server of ours. */
export const ourPlaces: Place[] = [
  { name: 'local', begin: async () => () => undefined, open: () => new LocalEnvironment() },
  ourServer('WebSocket', () => 'ws://127.0.0.1:0'),
  ourServer('unix socket', (folder) => `unix://${folder}/exec.sock`),
  {
    name: 'spawned program',
    begin: async () => () => undefined,
    open: () =>
      remote({ program: process.execPath, args: [MAIN, 'serve', '--listen', 'stdio', '--log-level', 'warn'] }),
  },
];

function ourServer(name: string, listen: (folder: string) => string): Place {
  return served(name, (folder) => spawn(process.execPath, [MAIN, 'serve', '--listen', listen(folder)], QUIET));
}

export function realServer(version: '0.129.0' | '0.169.0', binary: string): Place {
  const start = (folder: string, home: string) =>
    spawn(binary, ['exec-server', '--listen', 'ws://127.0.0.1:0'], {
      ...QUIET,
      env: { ...process.env, CODEX_HOME: home, TMPDIR: folder },
    });
  return { ...served(`codex exec-server ${version}`, start), real: version };
}

const QUIET = { stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'] };

/** `home`: where a real server wants its own, which must not be below the temporary directory. */
function served(name: string, start: (folder: string, home: string) => ChildProcess): Place {
  let url = '';
  return {
    name,
    async begin() {
      const folders = [tmpdir(), homedir()].map((parent) => mkdtempSync(join(parent, '.exec-server-test-')));
      const server = start(folders[0] ?? '', folders[1] ?? '');
      if (!server.stdout) throw new Error('the server has no stdout');
      url = String((await once(server.stdout, 'data'))[0]).trim();
      return () => {
        server.kill('SIGKILL');
        for (const folder of folders) rmSync(folder, { recursive: true, force: true });
      };
    },
    open: () => remote({ url }),
  };
}

function remote(where: Omit<UrlEnvironmentSpec, 'id'> | Omit<ProgramEnvironmentSpec, 'id'>): Environment {
  return new RemoteEnvironment({ id: 'place', ...where });
}
