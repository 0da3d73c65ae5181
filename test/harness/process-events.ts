import type { WireMessage } from './raw-client.js';

/** What a process said and how it ended, put together from its events. */
export interface Collected {
  stdout: string;
  stderr: string;
  pty: string;
  exitCode: number | undefined;
  signal: string | null | undefined;
  /** In order of arrival. */
  seqs: number[];
}

const STREAMS = ['stdout', 'stderr', 'pty'] as const;

export function isEventOf(processId: string, { method, params }: WireMessage): boolean {
  return (
    params?.processId === processId && ['process/output', 'process/exited', 'process/closed'].includes(method ?? '')
  );
}

/** Puts the events of one process together. Chunks are joined as bytes: a character may span two of them. */
export class Collector {
  readonly #chunks: Record<(typeof STREAMS)[number], Buffer[]> = { stdout: [], stderr: [], pty: [] };
  readonly #seqs: number[] = [];
  #exited: { exitCode: number; signal: string | null } | undefined;

  add({ method, params = {} }: WireMessage): void {
    this.#seqs.push(Number(params.seq));
    if (method === 'process/output') this.addChunk(params);
    if (method === 'process/exited') this.#exited = params as { exitCode: number; signal: string | null };
  }

  /** Of a notification, or of an answer to `process/read`. */
  addChunk({ stream, chunk }: { stream?: unknown; chunk?: unknown }): void {
    const to = STREAMS.find((name) => name === stream);
    if (to === undefined || typeof chunk !== 'string') throw new Error(`not a chunk: ${stream}`);
    this.#chunks[to].push(Buffer.from(chunk, 'base64'));
  }

  bytes(stream: (typeof STREAMS)[number]): Buffer {
    return Buffer.concat(this.#chunks[stream]);
  }

  collected(): Collected {
    const text = (stream: (typeof STREAMS)[number]) => this.bytes(stream).toString('utf8');
    return {
      stdout: text('stdout'),
      stderr: text('stderr'),
      pty: text('pty'),
      exitCode: this.#exited?.exitCode,
      signal: this.#exited?.signal,
      seqs: this.#seqs,
    };
  }
}

/** The params of `process/start` for a shell script. */
export function shell(processId: string, script: string, more: Record<string, unknown> = {}) {
  return {
    processId,
    argv: ['/bin/sh', '-c', script],
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    tty: false,
    ...more,
  };
}

/** 1, 2, … n. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}
