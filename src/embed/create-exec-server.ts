import { LocalFileSystem } from '../files/local/local-file-system.js';
import type { FileSystem } from '../files/types.js';
import { LocalHttpClient } from '../http/local/local-http-client.js';
import type { HttpClient } from '../http/types.js';
import { LocalBackend } from '../process/local/local-backend.js';
import type { ExecBackend } from '../process/types.js';
import { ExecServer, type ExecServerOptions } from '../server/exec-server.js';
import { LocalTcpConnector } from '../tcp/local/local-tcp-connector.js';
import type { TcpConnector } from '../tcp/types.js';
import { parseListenAddress } from '../transport/listen-address.js';

export interface CreateExecServerOptions extends Omit<ExecServerOptions, 'processes' | 'files' | 'http' | 'tcp'> {
  /** `ws://IP:PORT`, `unix:///path`, or several. `stdio` is served with `serveStdio`. Default `ws://127.0.0.1:0`. */
  listen?: string | readonly string[] | undefined;
  /** Where processes run. Default: on this machine. */
  processes?: ExecBackend | undefined;
  /** Where files are. Default: on this machine; `null`: not served. */
  files?: FileSystem | null | undefined;
  /** Where HTTP requests start. Default: on this machine; `null`: not served. Closed by whoever made it. */
  http?: HttpClient | null | undefined;
  /** Where TCP connections start. Default: on this machine; `null`: not served. */
  tcp?: TcpConnector | null | undefined;
}

export interface RunningExecServer extends AsyncDisposable {
  readonly server: ExecServer;
  /** Where it listens, in the order of `listen`, with real ports. */
  readonly urls: readonly string[];
  /** Ends its processes, then its connections. Idempotent. */
  close(): Promise<void>;
}

/** Starts a server for the capabilities it is handed: those of this machine unless others are given. */
export async function createExecServer(options: CreateExecServerOptions = {}): Promise<RunningExecServer> {
  const {
    listen = 'ws://127.0.0.1:0',
    processes = new LocalBackend(),
    files = new LocalFileSystem(),
    http: givenHttp,
    tcp = new LocalTcpConnector(),
    ...rest
  } = options;
  const ownHttp = givenHttp === undefined ? new LocalHttpClient() : undefined;
  const http = givenHttp ?? ownHttp;
  const server = new ExecServer({ ...rest, processes, files: files ?? undefined, http, tcp: tcp ?? undefined });
  const close = async () => {
    await server.close();
    await ownHttp?.close();
  };
  try {
    const urls: string[] = [];
    for (const text of typeof listen === 'string' ? [listen] : listen) {
      const address = parseListenAddress(text);
      if (address.kind === 'stdio') throw new Error('stdio is served with server.serveStdio(), not listened on');
      urls.push(await server.listen(address));
    }
    return { server, urls, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
