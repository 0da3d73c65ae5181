import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { EnvironmentManager } from '../environment/environment-manager.js';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import { type Channel, CloseCode } from '../rpc/channel.js';
import { MAX_MESSAGE_BYTES_BEFORE_INITIALIZE } from '../server/limits.js';
import { refuseBrowsers, requireLoopback } from '../transport/host-policy.js';
import { LineChannel } from '../transport/line-channel.js';
import type { ListenAddress } from '../transport/listen-address.js';
import { openOwnStdio } from '../transport/stdio.js';
import { listenWebSocket, type WebSocketListener } from '../transport/websocket-listen.js';
import { AppConnection } from './app-connection.js';

export interface AppServerOptions {
  /** Where the files are. They stay the caller's: closing the server does not close them. */
  environments: EnvironmentManager;
  /** Names besides IP literals and localhost that a `Host` header may carry. */
  allowedHosts?: readonly string[] | undefined;
  /** Listen on addresses that other machines can reach although nobody has to show who they are. */
  insecureNoAuth?: boolean | undefined;
}

/** Serves the files of environments to the hosts that connect, with the requests of Codex's app-server. */
export class AppServer implements AsyncDisposable {
  readonly #options: AppServerOptions;
  readonly #connections = new Set<AppConnection>();
  readonly #listeners: WebSocketListener[] = [];
  #closing: Promise<void> | undefined;

  constructor(options: AppServerOptions) {
    this.#options = options;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Accepts connections at an address; resolves with its URL, the real port in it. Throws ListenAddressError. */
  async listen(address: Exclude<ListenAddress, { kind: 'stdio' }>): Promise<string> {
    requireLoopback(address, this.#options.insecureNoAuth ?? false);
    const listener = await listenWebSocket({
      address,
      refuse: (request) =>
        address.kind === 'unix' ? undefined : refuseBrowsers(request, this.#options.allowedHosts ?? []),
      onRequest: answerHttp,
      onChannel: (channel, { setMaxMessageBytes }) => {
        setMaxMessageBytes(MAX_MESSAGE_BYTES_BEFORE_INITIALIZE);
        void this.#serve(channel, () => setMaxMessageBytes(MAX_MESSAGE_BYTES));
      },
    });
    this.#listeners.push(listener);
    return listener.url;
  }

  /** Serves the host at the other end of a channel. Resolves when it has gone. */
  serve(channel: Channel): Promise<void> {
    return this.#serve(channel);
  }

  /** Serves the host at the other end of two streams, one JSON object per line. Resolves when it has gone. */
  serveStreams(input: Readable, output: Writable): Promise<void> {
    return this.#serve(new LineChannel(input, output, { description: 'streams' }));
  }

  /** Serves the host at the other end of our stdin and stdout. Resolves when it has gone. */
  serveStdio(): Promise<void> {
    return this.#serve(openOwnStdio());
  }

  /** Ends the connections, and with them their watches. The environments stay. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #serve(channel: Channel, onInitialized?: () => void): Promise<void> {
    if (this.#closing) {
      channel.close(CloseCode.goingAway, 'the server is shutting down');
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const connection = new AppConnection(channel, {
        environments: this.#options.environments,
        ...(onInitialized && { onInitialized }),
        onClosed: () => {
          this.#connections.delete(connection);
          resolve();
        },
      });
      this.#connections.add(connection);
    });
  }

  async #close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    for (const { channel } of this.#connections) channel.close(CloseCode.goingAway, 'the server is shutting down');
  }
}

function answerHttp(request: IncomingMessage, response: ServerResponse): void {
  const here = request.url === '/';
  const body = here ? 'this is a WebSocket endpoint: expected an Upgrade to websocket\n' : 'nothing here\n';
  response.writeHead(here ? 400 : 404, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}
