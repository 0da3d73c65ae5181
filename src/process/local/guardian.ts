import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Waits until its stdin ends, which it does however the server dies, and then ends what is left: the groups, sessions and
 * descendants of the leaders whose pids stand in the file $1/leaders. Then it removes $1. Everybody is stopped before we
 * look for descendants: who goes on forking could keep us looking for ever. The links in $1/placeholders lead to empty
 * directories that stood for what sandboxed processes were not to create.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM
read -r _
ids=' '
for id in $(cat "$1/leaders"); do ids="$ids$id "; done
[ "$ids" = ' ' ] || {
  for id in $ids; do kill -STOP "-$id" 2>/dev/null; done
  all=$ids more=1
  while [ $more = 1 ]; do
    more=0
    for stat in /proc/[0-9]*/stat; do
      read -r line 2>/dev/null <"$stat" || continue
      pid=\${line%% *}
      set -- "$1" \${line##*) }
      case $all in *" $pid "*) continue ;; esac
      case $all in *" $3 "* | *" $5 "*) all="$all$pid " more=1; kill -STOP "$pid" 2>/dev/null ;; esac
    done
  done
  for id in $ids; do kill -KILL "-$id" 2>/dev/null; done
  for id in $all; do kill -KILL "$id" 2>/dev/null; done
}
for link in "$1"/placeholders/*; do
  [ -L "$link" ] && rmdir "$(readlink "$link")" 2>/dev/null
done
rm -rf "$1"
`;

/**
 * Of mode 0700, and not below a temporary directory where there is another place: agents are often let write there, and who
 * writes the list of leaders decides what the guardian kills.
 */
function privateDirectory(): string {
  for (const parent of [process.env.XDG_RUNTIME_DIR, '/dev/shm']) {
    try {
      if (parent) return mkdtempSync(join(parent, 'exec-server-'));
    } catch {
      // not there, or not for us
    }
  }
  return mkdtempSync(join(tmpdir(), 'exec-server-'));
}

/** One pid in the file: digits, padded, and a newline. */
const SLOT_BYTES = 12;

/**
 * Ends the children of a server that was killed with SIGKILL and could not do it itself. A process of its own session,
 * so that what kills the server's group leaves it alone. It is told of children through a file: a pipe would wake it
 * up twice for every one of them.
 */
export class Guardian {
  /** Of ours alone, and removed at the end however we end. */
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #file: number;
  readonly #slots = new Map<number, number>();
  readonly #freeSlots: number[] = [];
  #closed = false;

  constructor() {
    this.directory = privateDirectory();
    this.#file = openSync(join(this.directory, 'leaders'), 'w');
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'exec-server-guardian', this.directory], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
      cwd: '/',
    });
    // A guardian that somebody has killed guards nobody; the server's own clean-up works without it.
    this.#child.on('error', () => undefined);
    this.#child.stdin?.on('error', () => undefined);
    this.#child.unref();
    (this.#child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  }

  watch(leader: number): void {
    const slot = this.#freeSlots.pop() ?? this.#slots.size;
    this.#slots.set(leader, slot);
    this.#write(slot, String(leader));
  }

  forget(leader: number): void {
    const slot = this.#slots.get(leader);
    if (slot === undefined) return;
    this.#slots.delete(leader);
    this.#freeSlots.push(slot);
    this.#write(slot, '');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#child.stdin?.end();
    closeSync(this.#file);
  }

  #write(slot: number, text: string): void {
    if (this.#closed) return; // a start that was under way; its own backend ends it
    writeSync(this.#file, `${text.padEnd(SLOT_BYTES - 1)}\n`, slot * SLOT_BYTES);
  }
}
