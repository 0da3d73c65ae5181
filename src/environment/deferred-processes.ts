import type { ExecBackend, ExecProcess, StartParams } from '../process/types.js';
import type { EnvironmentInfo } from '../protocol/session-methods.js';

/** Does something with a capability, which is brought about first if need be. */
export type Use<C> = <T>(operation: (capability: C) => Promise<T>) => Promise<T>;

/** Processes of a place that is gone to on first use. */
export class DeferredProcesses implements ExecBackend {
  readonly #use: Use<ExecBackend>;
  readonly #close: () => Promise<void>;

  constructor(use: Use<ExecBackend>, close: () => Promise<void>) {
    this.#use = use;
    this.#close = close;
  }

  start(params: StartParams): Promise<ExecProcess> {
    return this.#use((backend) => backend.start(params));
  }

  environmentInfo(): Promise<EnvironmentInfo> {
    return this.#use((backend) => backend.environmentInfo());
  }

  /** Ends every process that it started; others may be started afterwards. */
  close(): Promise<void> {
    return this.#close();
  }
}
