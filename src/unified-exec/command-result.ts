import { randomBytes } from 'node:crypto';
import { truncateOutput } from './truncate-output.js';
import type { UnifiedExecProcess } from './unified-exec-process.js';

/** What one call of a tool brings: what happened since the last call, and how things stand. */
export interface CommandResult {
  /** Six hex digits, to tell results apart. */
  chunkId: string;
  /** How long the call took. */
  wallTimeSeconds: number;
  /** Null: it runs, or how it ended is not known. */
  exitCode: number | null;
  /** The signal that ended it, where the server tells it. */
  signal: string | null;
  /** For writeStdin. Null: it is over. Beside an `exitCode`: what it started holds its output open, and can be read on. */
  sessionId: number | null;
  /** Why the process can no longer be followed, as a sentence; null unless that is so. */
  failure: string | null;
  /** Of the whole output since the last call, at four bytes a token. */
  originalTokenCount: number;
  /** Output for the model: within `maxOutputTokens`, cut in the middle. */
  output: string;
  /** Something of the output is missing, as it says itself. */
  truncated: boolean;
  /** What the model should know beyond that, such as that too many processes are open. */
  warning: string | null;
}

export interface ResultOptions {
  sessionId: number;
  /** By `performance.now()`. */
  startedAt: number;
  maxOutputTokens: number;
  warning: string | null;
}

/** Takes the output of a process and says how it stands. */
export function takeResult(process: UnifiedExecProcess, options: ResultOptions): CommandResult {
  const { text, originalTokenCount, truncated } = truncateOutput(process.take(), options.maxOutputTokens);
  const { exitCode, signal, failure } = process.state;
  return {
    chunkId: randomBytes(3).toString('hex'),
    wallTimeSeconds: Math.max(0, performance.now() - options.startedAt) / 1000,
    exitCode,
    signal,
    sessionId: process.ended ? null : options.sessionId,
    failure: failure && `${failure.message}. Whether it still runs is not known: check before running it again`,
    originalTokenCount,
    output: text,
    truncated,
    warning: options.warning,
  };
}

/** The text form that models know from Codex. Lines that Codex has not are added only where there is more to say. */
export function formatResult(result: CommandResult): string {
  return [
    `Chunk ID: ${result.chunkId}`,
    `Wall time: ${result.wallTimeSeconds.toFixed(4)} seconds`,
    ...standing(result),
    `Original token count: ${result.originalTokenCount}`,
    ...(result.warning ? [`Warning: ${result.warning}`] : []),
    'Output:',
    result.output,
  ].join('\n');
}

function standing({ exitCode, signal, sessionId, failure }: CommandResult): string[] {
  if (failure !== null) return [`Process lost: ${failure}`];
  if (exitCode === null && sessionId !== null) return [`Process running with session ID ${sessionId}`];
  return [
    exitCode === null ? 'Process exited, its exit code is not known' : `Process exited with code ${exitCode}`,
    ...(signal ? [`Process was killed by ${signal}`] : []),
    ...(sessionId === null
      ? []
      : [`Its output is held open by a process that it left: session ID ${sessionId} reads on`]),
  ];
}
