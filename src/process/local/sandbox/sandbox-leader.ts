import { Socket } from 'node:net';
import { constants as os } from 'node:os';
import type { WireError } from '../../../protocol/errors.js';
import type { ExitStatus, Leader } from '../child.js';
import { decodeStatus } from '../exit-watcher.js';
import { spawnFailed } from '../os-error.js';
import { OutputReader } from '../output-reader.js';
import { sandboxUnavailable } from './errors.js';
import { type InitReport, InitReports } from './init-reports.js';
import { adviceFor } from './setup-advice.js';

/**
 * Follows a sandboxed program from outside, by what bubblewrap and init.c say: whether it has started, and how it ended.
 */
export class SandboxLeader {
  readonly #reports = new InitReports();
  readonly #reader: OutputReader;
  readonly #program: string;
  /** Resolves when the program runs; rejects with a WireError when it never will. */
  readonly started: Promise<void>;
  #settle: { resolve: () => void; reject: (error: WireError) => void } | undefined;
  #wait: number | undefined;
  #ended: ExitStatus | undefined;
  #listener: ((status: ExitStatus) => void) | undefined;

  /** `messagesFd`: the reading end of what they write to; it is closed here. `program`: its name, for errors. */
  constructor(messagesFd: number, program: string) {
    this.#program = program;
    this.started = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.started.catch(() => undefined); // where the launcher itself fails, nobody waits for it
    const open = (options: object) => new Socket({ fd: messagesFd, readable: true, writable: false, ...options });
    this.#reader = new OutputReader(
      messagesFd,
      open,
      (chunk) => this.#take(chunk),
      () => undefined,
    );
  }

  /** The leader of the asked-for program, in place of bubblewrap, which is `outer`. */
  follow(outer: Leader, onEnd: () => void): Leader {
    outer.onExit((status) => {
      this.#outerEnded(status);
      onEnd();
    });
    return {
      pid: outer.pid,
      onExit: (listener) => {
        this.#listener = listener;
        if (this.#ended) setImmediate(listener, this.#ended);
      },
    };
  }

  /** For a stage that was never started. */
  release(): void {
    this.#reader.release();
  }

  /** Gives up a setup that takes too long. */
  giveUp(afterMs: number): void {
    this.#fail(sandboxUnavailable(`bubblewrap has not set it up within ${afterMs / 1000} s. ${this.#reports.text}`));
  }

  #take(chunk: Buffer): void {
    for (const report of this.#reports.add(chunk)) this.#act(report);
  }

  #act(report: InitReport): void {
    switch (report.type) {
      case 'started':
        this.#settle?.resolve();
        this.#settle = undefined;
        return;
      case 'failed':
        this.#fail(this.#failure(report));
        return;
      case 'ended':
        this.#wait = report.status;
        return;
      default:
        report satisfies never;
    }
  }

  #failure({ step, errno }: Extract<InitReport, { type: 'failed' }>): WireError {
    const code = Object.entries(os.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
    if (step === 'terminal') return sandboxUnavailable(`its terminal could not be handed over: ${code}`);
    return spawnFailed(code, step === 'cwd' ? 'cwd, as the sandbox sees it' : `${this.#program}, inside its sandbox`);
  }

  #outerEnded(status: ExitStatus): void {
    this.#reader.release(); // with what has been said last
    const { text } = this.#reports;
    const said = text === '' ? `bubblewrap ended with ${status.signal ?? status.exitCode}` : text;
    this.#fail(sandboxUnavailable(`${said}${adviceFor(text)}`));
    // Without a report it was killed from outside, and bubblewrap with it.
    this.#ended = this.#wait === undefined ? status : decodeStatus(this.#wait);
    this.#listener?.(this.#ended);
  }

  #fail(error: WireError): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
  }
}
