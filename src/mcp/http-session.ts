import type {
  JSONRPCMessage,
  StreamableHTTPClientTransport,
  StreamableHTTPReconnectionOptions,
  TransportSendOptions,
} from '@modelcontextprotocol/client';
import { McpClosedError } from './errors.js';
import { STREAM_RECONNECTION } from './limits.js';
import { OpenRequests } from './open-requests.js';

export const NOT_FOUND = 404;

/** Makes the SDK's transport of one session. It must look the options up whenever a stream has been cut. */
export type OpenTransport = (reconnection: StreamableHTTPReconnectionOptions) => StreamableHTTPClientTransport;

/** The same options, as the SDK's own class spells them under exact optional properties. */
type SendOptions = Parameters<StreamableHTTPClientTransport['send']>[1];

/**
 * One session over Streamable HTTP. Every request in it gets an answer: the server's, or, when the stream that should have
 * brought it has ended and cannot be opened again, an error that says so. The SDK's client would wait for its deadline.
 */
export class HttpSession {
  onmessage: (message: JSONRPCMessage) => void = () => undefined;
  onerror: (error: Error) => void = () => undefined;
  onclose: () => void = () => undefined;
  readonly #inner: StreamableHTTPClientTransport;
  readonly #open = new OpenRequests();
  readonly #name: string;
  /** Whether the server would still know the session of a stream that is opened again. */
  #known = true;
  #expired = false;

  constructor(open: OpenTransport, serverName: string) {
    this.#name = serverName;
    const knows = () => this.#known;
    this.#inner = open({
      ...STREAM_RECONNECTION,
      get maxRetries() {
        return knows() ? STREAM_RECONNECTION.maxRetries : 0;
      },
    });
  }

  get id(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion(version);
  }

  async start(): Promise<void> {
    this.#inner.onclose = () => this.onclose();
    this.#inner.onerror = (error) => this.#report(error);
    this.#inner.onmessage = (message) => {
      this.#open.received(message);
      this.onmessage(message);
      this.#closeWhenDone();
    };
    await this.#inner.start();
  }

  async send(message: JSONRPCMessage, options: TransportSendOptions = {}): Promise<void> {
    this.#open.sent(message);
    const id = 'method' in message && 'id' in message ? message.id : undefined;
    const onRequestStreamEnd = () => {
      options.onRequestStreamEnd?.();
      if (id !== undefined) this.#unanswered(id);
    };
    try {
      await this.#inner.send(message, { ...options, onRequestStreamEnd } as SendOptions);
    } catch (error) {
      if (id !== undefined) this.#open.forget(id); // its sender is told
      throw error;
    }
  }

  /** The server has forgotten it. What is under way goes on where it can, and nothing is left of it after that. */
  expire(): void {
    this.#known = false;
    this.#expired = true;
    this.#closeWhenDone();
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }

  /** Ends the session on the server, which may not know how (405), and here. */
  async end(): Promise<void> {
    await this.#inner.terminateSession().catch(() => undefined); // it expires there by itself
    await this.close();
  }

  #report(error: Error): void {
    // A stream of this session, or any of this server, is not to be had: to ask again is in vain.
    if (statusOf(error) === NOT_FOUND) this.#known = false;
    if (!this.#expired) this.onerror(error);
  }

  #unanswered(id: string | number): void {
    const why = this.#known
      ? `the stream with the answer of MCP server \`${this.#name}\` ended without it`
      : `MCP server \`${this.#name}\` has forgotten the session of a request, and its answer with it`;
    const failure = this.#open.fail(id, new McpClosedError(why));
    if (failure) this.onmessage(failure);
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (this.#expired && this.#open.size === 0) void this.close();
  }
}

export function statusOf(error: unknown): unknown {
  return error instanceof Error && 'status' in error ? error.status : undefined;
}
