import { chmodSync, closeSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccessPolicy } from '../../../permissions/types.js';
import type { NativePath } from '../../../protocol/paths.js';
import type { TerminalSize } from '../../../protocol/process-methods.js';
import { type Child, FIRST_INHERITED_FD, type Launcher, type LaunchParams } from '../child.js';
import { sendSignal } from '../process-tree.js';
import { bubblewrapArguments, INIT_PATH } from './bubblewrap-arguments.js';
import { deniedMatches } from './denied-matches.js';
import { sandboxUnavailable } from './errors.js';
import { findBubblewrap } from './find-bubblewrap.js';
import { inheritableFile } from './inheritable-file.js';
import { initPrograms } from './init-program.js';
import { launchSpec } from './launch-spec.js';
import { SETUP_TIMEOUT_MS } from './limits.js';
import { thisMachine } from './machine.js';
import { type MountPlan, planMounts } from './mount-plan.js';
import { Placeholders } from './placeholders.js';
import { programPid } from './program-pid.js';
import { SandboxLeader } from './sandbox-leader.js';

/** How often the view is planned anew because somebody creates what was missing a moment ago. */
const PLANNING_ATTEMPTS = 3;

export interface SandboxedLaunch extends LaunchParams {
  policy: AccessPolicy;
  /** On a terminal of this size; else on pipes. */
  terminal?: TerminalSize | undefined;
  pipeStdin?: boolean | undefined;
}

export interface SandboxedChild {
  child: Child;
  /** The program's own pid and process group; that of `child` is bubblewrap's. */
  programPid: number | undefined;
}

/**
 * Starts programs under bubblewrap. The program's file, its cwd and its environment are taken up inside the sandbox by a
 * first process of our own (init.c), which also tells from inside whether the program runs. So a start either succeeds with
 * the policy in force, or fails with the reason and nothing has run.
 */
export class Bubblewrap {
  readonly #launcher: Launcher;
  readonly #directory: NativePath;
  readonly #paths: readonly string[] | undefined;
  readonly #placeholders: Placeholders;
  readonly #unreadableFile: NativePath;
  readonly #init: Buffer | undefined = process.platform === 'linux' ? initPrograms[process.arch] : undefined;

  /**
   * `directory`: the guardian's, which no sandboxed program gets to see. `paths`: where bubblewrap may be, by default where
   * root alone installs programs.
   */
  constructor(launcher: Launcher, directory: string, paths?: readonly string[]) {
    this.#launcher = launcher;
    this.#directory = realpathSync(directory);
    this.#paths = paths;
    this.#placeholders = new Placeholders(join(this.#directory, 'placeholders'));
    this.#unreadableFile = join(this.#directory, 'unreadable');
    writeFileSync(this.#unreadableFile, '');
    chmodSync(this.#unreadableFile, 0);
  }

  /** Throws a WireError: `sandbox_unavailable`, or `spawn_failed` where the program cannot be run inside the sandbox. */
  async launch(launch: SandboxedLaunch): Promise<SandboxedChild> {
    const program = this.#find();
    const matches = await deniedMatches(launch.policy);
    const plan = this.#hold(() => {
      const more = [...matches, { path: this.#directory, access: 'none' as const }];
      return planMounts(
        launch.policy,
        more,
        thisMachine((path) => this.#placeholders.has(path)),
      );
    });
    return this.#start(program, plan, launch);
  }

  #find(): string {
    if (process.platform !== 'linux') {
      throw sandboxUnavailable(`this server confines processes on Linux only, and runs on ${process.platform}`);
    }
    if (!this.#init) throw sandboxUnavailable(`this server confines no processes on ${process.arch} machines yet`);
    return findBubblewrap(this.#paths);
  }

  /** Plans the view, and makes the placeholders that it needs stand. */
  #hold(planned: () => MountPlan): MountPlan {
    for (let attempt = 1; attempt <= PLANNING_ATTEMPTS; attempt++) {
      const plan = planned();
      const held: NativePath[] = [];
      try {
        if (plan.placeholders.every((path) => this.#placeholders.hold(path) && held.push(path))) return plan;
      } catch (error) {
        this.#release(held);
        throw sandboxUnavailable(
          `the policy denies what does not exist, and nothing can be put in its place: ${String(error)}`,
        );
      }
      this.#release(held);
    }
    throw sandboxUnavailable('what the policy denies comes and goes while the sandbox is being set up; try again');
  }

  #release(paths: readonly NativePath[]): void {
    for (const path of paths) this.#placeholders.release(path);
  }

  async #start(program: string, plan: MountPlan, launch: SandboxedLaunch): Promise<SandboxedChild> {
    const opened: number[] = [];
    let running = false;
    let leader: SandboxLeader | undefined;
    const onEnd = () => this.#release(plan.placeholders);
    try {
      const messages = await this.#launcher.pipe();
      opened.push(messages.writeFd);
      leader = new SandboxLeader(messages.readFd, `program \`${launch.argv[0]}\``);
      const follow = leader.follow.bind(leader);
      const stage = {
        messagesFd: messages.writeFd,
        inheritedFds: this.#filesFor(plan, launch, opened),
        follow: (outer: Parameters<typeof follow>[0]) => {
          running = true;
          return follow(outer, onEnd);
        },
      };
      const argv = [program, '--args', String(FIRST_INHERITED_FD + 1), '--', INIT_PATH] as const;
      const staged: LaunchParams = { argv, arg0: undefined, cwd: '/', env: {}, stage };
      const child = launch.terminal
        ? await this.#launcher.onTerminal(staged, launch.terminal)
        : await this.#launcher.onPipes(staged, launch.pipeStdin ?? false);
      return await whenStarted(leader, child);
    } finally {
      for (const fd of opened) closeSync(fd);
      if (!running) {
        leader?.release();
        onEnd();
      }
    }
  }

  /** What bubblewrap and init.c read: what to run, bubblewrap's arguments, init.c itself. */
  #filesFor(plan: MountPlan, launch: SandboxedLaunch, opened: number[]): number[] {
    const { network } = launch.policy;
    const initFd = FIRST_INHERITED_FD + 2;
    const unreadableFile = this.#unreadableFile;
    const contents = [
      launchSpec(launch, launch.terminal !== undefined),
      bubblewrapArguments({ plan, network, initFd, unreadableFile }),
      this.#init ?? Buffer.alloc(0),
    ];
    return contents.map((content) => {
      const fd = inheritableFile(this.#directory, content);
      opened.push(fd);
      return fd;
    });
  }
}

/** The child once its program runs. Else it is given up, and the reason thrown. */
async function whenStarted(leader: SandboxLeader, child: Child): Promise<SandboxedChild> {
  const timer = setTimeout(() => {
    leader.giveUp(SETUP_TIMEOUT_MS);
    sendSignal(-child.pid, 'SIGKILL');
  }, SETUP_TIMEOUT_MS);
  try {
    await leader.started;
    return { child, programPid: programPid(child.pid) };
  } catch (error) {
    const nothing = () => undefined;
    child.start({ output: nothing, exited: () => child.releaseOutput(), outputEnded: nothing });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
