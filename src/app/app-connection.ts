import { homedir } from 'node:os';
import { join } from 'node:path';
import type { EnvironmentManager } from '../environment/environment-manager.js';
import type { FileSystem } from '../files/types.js';
import { type AppMethodName, type AppParamsOf, appMethods, isAppMethodName } from '../protocol/app-methods.js';
import { ErrorCode, invalidRequest, WireError } from '../protocol/errors.js';
import { dialectOf, formatPath, parsePath } from '../protocol/paths.js';
import { readShape } from '../protocol/shape-error.js';
import { VERSION } from '../protocol/version.js';
import { type Channel, CloseCode, type CloseInfo } from '../rpc/channel.js';
import { type IncomingRequest, RpcPeer } from '../rpc/peer.js';
import { batchHandlers } from '../server/handlers/file-batch.js';
import { fileOptions } from '../server/handlers/file-options.js';
import { pathHandlers } from '../server/handlers/files.js';
import { INITIALIZE_TIMEOUT_MS } from '../server/limits.js';
import { WatchTable } from '../server/watch-table.js';
import { environmentError } from './environment-error.js';
import { watchWhenThere } from './watch-when-there.js';

export interface AppConnectionOptions {
  environments: EnvironmentManager;
  onInitialized?(): void;
  onClosed(info: CloseInfo): void;
}

type PlainMethod = keyof ReturnType<typeof pathHandlers>;
type PlainHandlers = { [M in PlainMethod]: (params: AppParamsOf<M>) => Promise<unknown> };

/** One host's connection. Its watches end with it; everything else is over with its answer. */
export class AppConnection {
  readonly channel: Channel;
  readonly #options: AppConnectionOptions;
  readonly #peer: RpcPeer;
  readonly #watches = new WatchTable();
  readonly #initializeTimer: NodeJS.Timeout;
  #initialized = false;

  constructor(channel: Channel, options: AppConnectionOptions) {
    this.channel = channel;
    this.#options = options;
    this.#watches.attach(channel);
    this.#peer = new RpcPeer(channel, {
      request: (request) => this.#request(request),
      // `initialized`, and whatever else a host says of itself: nothing waits for it.
      notification: () => undefined,
      strayResponse: () => channel.close(CloseCode.protocolError, 'a response came although nothing was asked'),
      closed: (info) => this.#closed(info),
    });
    this.#initializeTimer = setTimeout(
      () => channel.close(CloseCode.policyViolation, `no initialize within ${INITIALIZE_TIMEOUT_MS / 1000} s`),
      INITIALIZE_TIMEOUT_MS,
    );
    this.#initializeTimer.unref();
    this.#peer.start();
  }

  async #request({ method, params, afterAnswer }: IncomingRequest): Promise<unknown> {
    if (!isAppMethodName(method)) {
      const message = `unknown method \`${method}\`: expected one of ${Object.keys(appMethods).join(', ')}`;
      throw new WireError(ErrorCode.unknownMethod, message, { kind: 'unknown_method' });
    }
    if (method === 'initialize') return this.#initialize(readParams(method, params));
    if (!this.#initialized) throw invalidRequest('not_initialized', 'Not initialized: send `initialize` first');
    try {
      return await this.#file(method, params, afterAnswer);
    } catch (error) {
      throw environmentError(error);
    }
  }

  #initialize({ clientInfo }: AppParamsOf<'initialize'>): object {
    if (this.#initialized) throw invalidRequest('already_initialized', 'Already initialized');
    this.#initialized = true;
    clearTimeout(this.#initializeTimer);
    this.#options.onInitialized?.();
    return {
      userAgent: `${clientInfo.name}/${VERSION} (exec-server)`,
      codexHome: process.env.CODEX_HOME || join(homedir(), '.codex'),
      platformFamily: process.platform === 'win32' ? 'windows' : 'unix',
      platformOs: process.platform === 'darwin' ? 'macos' : process.platform,
    };
  }

  async #file(
    method: Exclude<AppMethodName, 'initialize'>,
    params: unknown,
    afterAnswer: IncomingRequest['afterAnswer'],
  ): Promise<unknown> {
    switch (method) {
      case 'fs/watch':
        return this.#watch(readParams(method, params), afterAnswer);
      case 'fs/unwatch':
        await this.#watches.stop(readParams(method, params).watchId);
        return {};
      case 'fs/batch': {
        const read = readParams(method, params);
        return batchHandlers(this.#filesOf(read))[method](read);
      }
      default:
        return this.#plain(method, readParams(method, params));
    }
  }

  /** Those that the exec-server answers in the same way. */
  #plain<M extends PlainMethod>(method: M, params: AppParamsOf<M>): Promise<unknown> {
    const handlers: PlainHandlers = pathHandlers(this.#filesOf(params));
    return handlers[method](params);
  }

  async #watch(params: AppParamsOf<'fs/watch'>, afterAnswer: IncomingRequest['afterAnswer']): Promise<object> {
    const { watchId, recursive } = params;
    const files = this.#filesOf(params);
    const path = parsePath(params.path);
    const dialect = dialectOf(params.path);
    const options = { ...fileOptions(params), recursive: recursive ?? false };
    await this.#watches.start({ watchId, dialect }, () => watchWhenThere(files, path, options), afterAnswer);
    return { path: formatPath(path, dialect) };
  }

  /** Throws UnknownEnvironmentError, NoDefaultEnvironmentError. */
  #filesOf({ environmentId }: { environmentId?: string | null | undefined }): FileSystem {
    const { environments } = this.#options;
    return (environmentId == null ? environments.default : environments.get(environmentId)).files;
  }

  #closed(info: CloseInfo): void {
    clearTimeout(this.#initializeTimer);
    void this.#watches.closeAll(); // it never rejects
    this.#options.onClosed(info);
  }
}

function readParams<M extends AppMethodName>(method: M, params: unknown): AppParamsOf<M> {
  return readShape(appMethods[method], params ?? {}, method) as AppParamsOf<M>;
}
