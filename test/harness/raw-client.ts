import type { Readable, Writable } from 'node:stream';
import { atEnd } from './cleanup.js';
import { dialLink, type Link, type LinkEnd, lineLink } from './links.js';
import { type Collected, Collector, isEventOf } from './process-events.js';

export interface WireMessage {
  id?: string | number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

const DEFAULT_TIMEOUT_MS = 10_000;

interface Waiter {
  predicate: (message: WireMessage) => boolean;
  resolve: (message: WireMessage) => void;
  reject: (error: Error) => void;
}

/** A client that knows the envelope and nothing else: what it sends and gets is what is on the wire. */
export class RawClient {
  /** All that came, in order. */
  readonly messages: WireMessage[] = [];
  readonly closed: Promise<LinkEnd>;
  readonly #link: Link;
  readonly #waiters = new Set<Waiter>();
  #nextId = 1;
  #end: LinkEnd | undefined;

  constructor(link: Link) {
    this.#link = link;
    this.closed = link.closed;
    void link.closed.then((end) => {
      this.#end = end;
      for (const waiter of this.#waiters) waiter.reject(closedBy(end));
      this.#waiters.clear();
    });
    link.onMessage((text) => this.#receive(JSON.parse(text)));
  }

  /** Dials `ws://…` or `unix:///path`; cut when the test ends. */
  static async connect(url: string, { headers }: { headers?: Record<string, string> } = {}): Promise<RawClient> {
    const client = new RawClient(await dialLink(url, headers));
    atEnd(() => client.cut());
    return client;
  }

  /** Speaks lines, as with the stdio of a spawned server. */
  static overLines(input: Readable, output: Writable): RawClient {
    const client = new RawClient(lineLink(input, output));
    atEnd(() => client.cut());
    return client;
  }

  /** Connects and shakes hands. */
  static async open(
    url: string,
    options: { resumeSessionId?: string } = {},
  ): Promise<RawClient & { sessionId: string }> {
    const client = await RawClient.connect(url);
    const sessionId = await client.initialize(options);
    return Object.assign(client, { sessionId });
  }

  /** `initialize` and `initialized`; resolves with the session id. */
  async initialize({
    clientName = 'raw-client',
    resumeSessionId,
  }: {
    clientName?: string;
    resumeSessionId?: string;
  } = {}): Promise<string> {
    const { sessionId } = await this.result('initialize', { clientName, ...(resumeSessionId && { resumeSessionId }) });
    this.notify('initialized', {});
    return String(sessionId);
  }

  /** The whole answer, whether result or error. */
  request(method: string, params?: unknown, { timeoutMs }: { timeoutMs?: number } = {}): Promise<WireMessage> {
    const id = `raw-${this.#nextId++}`;
    const answer = this.#next((message) => message.id === id && message.method === undefined, timeoutMs, method);
    this.sendRaw(JSON.stringify({ id, method, params }));
    return answer;
  }

  /** The result; rejects with the message of an error. */
  async result(method: string, params?: unknown): Promise<Record<string, unknown>> {
    const { result, error } = await this.request(method, params);
    if (error) throw new Error(`${method} answered ${error.code} ${error.message}`);
    return result ?? {};
  }

  notify(method: string, params?: unknown): void {
    this.sendRaw(JSON.stringify({ method, params }));
  }

  /** Text or, as a binary frame, bytes; unchecked. */
  sendRaw(data: string | Buffer): void {
    this.#link.send(data);
  }

  /** The first message, of those that came and those to come, that fits. Rejects at the deadline or when the connection ends. */
  waitFor(predicate: (message: WireMessage) => boolean, timeoutMs?: number): Promise<WireMessage> {
    const found = this.messages.find(predicate);
    return found ? Promise.resolve(found) : this.#next(predicate, timeoutMs, 'a message');
  }

  /** What has been pushed of a process so far. */
  notifications(processId: string): WireMessage[] {
    return this.messages.filter((message) => isEventOf(processId, message));
  }

  /** Everything that is pushed of a process, once it has closed. */
  async collect(processId: string, timeoutMs?: number): Promise<Collected> {
    await this.waitFor((m) => m.method === 'process/closed' && isEventOf(processId, m), timeoutMs);
    const collector = new Collector();
    for (const message of this.notifications(processId)) collector.add(message);
    return collector.collected();
  }

  /** Stops taking anything from the socket. */
  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  cut(): void {
    this.#link.cut();
  }

  close(): Promise<LinkEnd> {
    this.#link.close();
    return this.closed;
  }

  #next(predicate: Waiter['predicate'], timeoutMs = DEFAULT_TIMEOUT_MS, what = 'a message'): Promise<WireMessage> {
    if (this.#end) return Promise.reject(closedBy(this.#end));
    const promise = new Promise<WireMessage>((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        predicate,
        resolve(message) {
          settle();
          resolve(message);
        },
        reject(error) {
          settle();
          reject(error);
        },
      };
      const timer = setTimeout(
        () => waiter.reject(new Error(`${what} did not come within ${timeoutMs} ms`)),
        timeoutMs,
      );
      this.#waiters.add(waiter);
    });
    promise.catch(() => undefined); // a test that fails before it looks at an answer has its own error to report
    return promise;
  }

  #receive(message: WireMessage): void {
    this.messages.push(message);
    for (const waiter of this.#waiters) if (waiter.predicate(message)) waiter.resolve(message);
  }
}

function closedBy({ code, reason }: LinkEnd): Error {
  return new Error(`the connection ended: ${code} ${reason}`);
}
