import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const PATH = '/callback';

/** Where the browser comes back to after a login: a listener on this machine's loopback, for one answer. */
export class CallbackListener implements AsyncDisposable {
  /** What the browser must bring back, so that nobody else's answer is taken for it. */
  readonly state = randomBytes(24).toString('base64url');
  /** The query that it came back with. */
  readonly answer: Promise<URLSearchParams>;
  readonly #server: Server;
  #answered: (answer: URLSearchParams) => void = () => undefined;

  private constructor(server: Server) {
    this.#server = server;
    this.answer = new Promise((resolve) => {
      this.#answered = resolve;
    });
    server.on('request', (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
      const say = (status: number, text: string) =>
        void response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${text}\n`);
      if (request.method !== 'GET' || pathname !== PATH) return say(404, 'Nothing here.');
      if (searchParams.get('state') !== this.state) return say(400, 'This is not the login that is waited for.');
      say(200, 'You can close this window: the program that asked for the login goes on.');
      this.#answered(searchParams);
    });
  }

  /** Port 0: any that is free. Rejects as Node does when the port is taken. */
  static async open(port = 0): Promise<CallbackListener> {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new CallbackListener(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${PATH}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    await closed;
  }
}
