import type { ControlledHandler, DispatchController, DispatchHandler } from './dispatch-contract.js';

/** Lets a handler of the newer shape be told in the older one. */
export function asDispatchHandler(handler: ControlledHandler): DispatchHandler {
  let controller = new Controller(() => undefined);
  return {
    onConnect(abort) {
      controller = new Controller(abort);
      handler.onRequestStart(controller, {});
    },
    onHeaders(status, rawHeaders, resume, statusText) {
      controller.rawHeaders = rawHeaders;
      controller.onResume = resume;
      handler.onResponseStart(controller, status, byName(rawHeaders), statusText);
      return !controller.paused;
    },
    onData(chunk) {
      handler.onResponseData(controller, chunk);
      return !controller.paused;
    },
    onComplete: () => handler.onResponseEnd(controller, {}),
    onError: (error) => handler.onResponseError(controller, error),
  };
}

class Controller implements DispatchController {
  rawHeaders: Buffer[] = [];
  rawTrailers: Buffer[] = [];
  aborted = false;
  paused = false;
  reason: unknown = null;
  onResume: () => void = () => undefined;
  readonly #abort: (reason?: unknown) => void;

  constructor(abort: (reason?: unknown) => void) {
    this.#abort = abort;
  }

  abort(reason?: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#abort(reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.onResume();
  }
}

function byName(rawHeaders: readonly Buffer[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = String(rawHeaders[at]?.toString('latin1'));
    const value = String(rawHeaders[at + 1]?.toString('latin1'));
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}
