import { check } from './check.js';
import { type EnvironmentsConfig, environmentsConfig, resolveConfig } from './config.js';
import {
  EnvironmentClosedError,
  EnvironmentConfigError,
  EnvironmentExistsError,
  NoDefaultEnvironmentError,
  UnknownEnvironmentError,
} from './errors.js';
import { LocalEnvironment } from './local-environment.js';
import { type ConfigSources, readConfig } from './providers.js';
import { RemoteEnvironment } from './remote-environment.js';
import { type EnvironmentSpec, LOCAL_ENVIRONMENT_ID } from './spec.js';
import type { Environment } from './types.js';

export interface EnvironmentManagerOptions {
  /** How we introduce ourselves to servers. Default `exec-server`. */
  clientName?: string | undefined;
}

/** Owns the environments, by their ids. None of them is connected to before it is used. */
export class EnvironmentManager implements AsyncDisposable {
  /** This machine, for our own purposes: there whether or not it can be asked for as `local`. */
  readonly local: Environment = new LocalEnvironment();
  readonly #options: EnvironmentManagerOptions;
  readonly #environments = new Map<string, Environment>();
  /** Those that were removed or replaced, until they have ended. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #defaultId: string | undefined;
  #closing: Promise<void> | undefined;

  /** Throws EnvironmentConfigError. */
  constructor(config: EnvironmentsConfig = {}, options: EnvironmentManagerOptions = {}) {
    const { environments, defaultId, includeLocal } = resolveConfig(
      check(environmentsConfig, config, 'environments configuration'),
    );
    this.#options = options;
    this.#defaultId = defaultId;
    if (includeLocal) this.#environments.set(LOCAL_ENVIRONMENT_ID, this.local);
    for (const spec of environments) this.#environments.set(spec.id, new RemoteEnvironment(spec, options));
  }

  /** As the user has configured it: an `environments.toml`, else `CODEX_EXEC_SERVER_URL`. Rejects with EnvironmentConfigError. */
  static async fromEnvironment({
    clientName,
    ...sources
  }: ConfigSources & EnvironmentManagerOptions = {}): Promise<EnvironmentManager> {
    return new EnvironmentManager(await readConfig(sources), { clientName });
  }

  /** For whoever names none. Throws NoDefaultEnvironmentError when access is switched off, or the default was removed. */
  get default(): Environment {
    if (this.#defaultId === undefined) throw new NoDefaultEnvironmentError('it is switched off', this.#ids());
    const environment = this.#environments.get(this.#defaultId);
    if (environment) return environment;
    throw new NoDefaultEnvironmentError(`\`${this.#defaultId}\` has been removed`, this.#ids());
  }

  /** The id of the default, if there is one. Asking for it never throws. */
  get defaultId(): string | undefined {
    return this.#defaultId !== undefined && this.#environments.has(this.#defaultId) ? this.#defaultId : undefined;
  }

  /** Throws UnknownEnvironmentError. */
  get(id: string): Environment {
    const environment = this.#environments.get(id);
    if (!environment) throw new UnknownEnvironmentError(id, this.#ids());
    return environment;
  }

  /** All that can be asked for: the default first, then in the order in which they came. */
  list(): readonly Environment[] {
    const all = [...this.#environments.values()];
    const isDefault = ({ id }: Environment) => id === this.#defaultId;
    return [...all.filter(isDefault), ...all.filter((environment) => !isDefault(environment))];
  }

  /** Does not change the default, unless it has the id of a default that was removed. Throws EnvironmentExistsError, EnvironmentConfigError. */
  add(spec: EnvironmentSpec): Environment {
    const environment = this.#create(spec);
    if (this.#environments.has(environment.id)) throw new EnvironmentExistsError(environment.id);
    this.#environments.set(environment.id, environment);
    return environment;
  }

  /**
   * Puts another environment in the place of the one with its id, at once, and resolves with it when the old one has
   * ended, with its processes. Rejects with UnknownEnvironmentError, EnvironmentConfigError.
   */
  async replace(spec: EnvironmentSpec): Promise<Environment> {
    const environment = this.#create(spec);
    const old = this.get(environment.id);
    this.#environments.set(environment.id, environment);
    await this.#end(old);
    return environment;
  }

  /** Forgets an environment at once, and resolves when it has ended, with its processes. Rejects with UnknownEnvironmentError. */
  async remove(id: string): Promise<void> {
    const environment = this.get(id);
    if (environment === this.local) {
      throw new EnvironmentConfigError(
        'environment manager',
        '`local` cannot be removed: leave it out with `includeLocal`',
      );
    }
    this.#environments.delete(id);
    await this.#end(environment);
  }

  /** Ends all environments, and their processes. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const all = new Set([this.local, ...this.#environments.values()]);
    await Promise.all([...[...all].map((environment) => environment.close()), ...this.#leaving]);
  }

  #create(spec: EnvironmentSpec): Environment {
    if (this.#closing) throw new EnvironmentClosedError('the environment manager');
    return new RemoteEnvironment(spec, this.#options);
  }

  async #end(environment: Environment): Promise<void> {
    const ending = environment.close();
    this.#leaving.add(ending);
    try {
      await ending;
    } finally {
      this.#leaving.delete(ending);
    }
  }

  #ids(): string[] {
    return this.list().map(({ id }) => id);
  }
}
