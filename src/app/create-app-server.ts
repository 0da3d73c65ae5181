import type { Readable, Writable } from 'node:stream';
import { parseListenAddress } from '../transport/listen-address.js';
import { AppServer, type AppServerOptions } from './app-server.js';

export interface CreateAppServerOptions extends AppServerOptions {
  /** `ws://IP:PORT`, `unix:///path`, `stdio`, or several. Default `ws://127.0.0.1:0`, or none where there are streams. */
  listen?: string | readonly string[] | undefined;
  /** A host at the other end of two streams, such as a child's stdout and stdin: one JSON object per line. */
  streams?: { input: Readable; output: Writable } | undefined;
}

export interface RunningAppServer extends AsyncDisposable {
  readonly server: AppServer;
  /** Where it listens, in the order of `listen`, with real ports; `stdio` is none of them. */
  readonly urls: readonly string[];
  /** Resolves when the host at the streams, or at our stdin, has gone; at once where there is none. */
  readonly hostGone: Promise<void>;
  /** Ends the connections, not the environments. Idempotent. */
  close(): Promise<void>;
}

/** Starts a server for the files of environments. Throws ListenAddressError. */
export async function createAppServer(options: CreateAppServerOptions): Promise<RunningAppServer> {
  const { streams, listen = streams ? [] : 'ws://127.0.0.1:0', ...rest } = options;
  const addresses = (typeof listen === 'string' ? [listen] : listen).map(parseListenAddress);
  const server = new AppServer(rest);
  const close = () => server.close();
  try {
    const urls: string[] = [];
    for (const address of addresses) if (address.kind !== 'stdio') urls.push(await server.listen(address));
    const hosts: Promise<void>[] = [];
    if (streams) hosts.push(server.serveStreams(streams.input, streams.output));
    if (addresses.some(({ kind }) => kind === 'stdio')) hosts.push(server.serveStdio());
    const hostGone = Promise.all(hosts).then(() => undefined);
    return { server, urls, hostGone, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
