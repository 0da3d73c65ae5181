#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { Command, CommanderError } from 'commander';
import { VERSION } from '../protocol/version.js';
import { UsageError } from './usage-error.js';

/** Exit code for a command line that cannot be understood. */
const EXIT_USAGE = 2;

/** Loaded when named, or when somebody asks for help: each brings libraries that the others do without. */
const commands: Record<string, () => Promise<Command>> = {
  serve: async () => {
    // Baseline code from the first call on: an agent's session is over before much gets hot. A third off its early requests.
    setFlagsFromString('--always-sparkplug');
    return (await import('./serve.js')).serveCommand();
  },
  run: async () => (await import('./run.js')).runCommand(),
  ps: async () => (await import('./ps.js')).psCommand(),
  attach: async () => (await import('./attach.js')).attachCommand(),
  kill: async () => (await import('./kill.js')).killCommand(),
  cp: async () => (await import('./cp.js')).cpCommand(),
  ls: async () => (await import('./ls.js')).lsCommand(),
  cat: async () => (await import('./cat.js')).catCommand(),
  http: async () => (await import('./http.js')).httpCommand(),
  forward: async () => (await import('./forward.js')).forwardCommand(),
  mcp: async () => (await import('./mcp.js')).mcpCommand(),
  rendezvous: async () => (await import('./rendezvous.js')).rendezvousCommand(),
  env: async () => (await import('./environments.js')).environmentsCommand(),
};

const program = new Command('exec-server')
  .description("Runs a coding agent's commands and files on any machine.")
  .version(VERSION)
  .enablePositionalOptions()
  .exitOverride();

try {
  const named = commands[process.argv[2] ?? ''];
  for (const load of named ? [named] : Object.values(commands)) program.addCommand((await load()).exitOverride());
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed what was wrong, or the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else {
    process.stderr.write(`exec-server: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : 1;
  }
}
