#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { VERSION } from '../protocol/version.js';
import { runCommand } from './run.js';
import { serveCommand } from './serve.js';
import { UsageError } from './usage-error.js';

/** Exit code for a command line that cannot be understood. */
const EXIT_USAGE = 2;

const program = new Command('exec-server')
  .description("Runs a coding agent's commands, files and HTTP requests on any machine.")
  .version(VERSION)
  .exitOverride()
  .enablePositionalOptions()
  .addCommand(serveCommand().exitOverride())
  .addCommand(runCommand().exitOverride());

try {
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
