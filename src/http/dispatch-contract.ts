/** What Node's fetch hands to its dispatcher for one request; redirects are requests of their own. */
export interface DispatchOptions {
  origin: string | URL;
  path: string;
  method: string;
  headers?: Record<string, string | string[] | undefined> | Iterable<[string, string]> | null | undefined;
  body?: AsyncIterable<Uint8Array> | Uint8Array | string | null | undefined;
}

/** How the answer is told, up to undici 7 (Node 20 to 24). `onHeaders` and `onData` return false to pause. */
export interface DispatchHandler {
  onConnect(abort: (reason?: unknown) => void): void;
  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean;
  onData(chunk: Buffer): boolean | undefined;
  onComplete(trailers: Buffer[]): void;
  onError(error: unknown): void;
}

/** How the answer is told from undici 8 on. */
export interface ControlledHandler {
  onRequestStart(controller: DispatchController, context: unknown): void;
  onResponseStart(
    controller: DispatchController,
    status: number,
    headers: Record<string, string | string[]>,
    statusText: string,
  ): void;
  onResponseData(controller: DispatchController, chunk: Buffer): void;
  onResponseEnd(controller: DispatchController, trailers: Record<string, string>): void;
  onResponseError(controller: DispatchController, error: unknown): void;
}

export interface DispatchController {
  readonly aborted: boolean;
  readonly paused: boolean;
  readonly reason: unknown;
  readonly rawHeaders: Buffer[];
  readonly rawTrailers: Buffer[];
  abort(reason?: unknown): void;
  pause(): void;
  resume(): void;
}
