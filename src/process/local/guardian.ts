import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Reads `+ PID` and `- PID` lines until the pipe ends, which it does however its writer dies, and then ends what is left:
 * the groups, sessions and descendants of those leaders. $1, where given, is a directory to remove.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM
ids=' '
while read -r op id; do
  case $op in
    +) ids="$ids$id " ;;
    -) ids="\${ids%% $id *} \${ids#* $id }" ;;
  esac
done
[ "$ids" = ' ' ] || {
  all=$ids more=1
  while [ $more = 1 ]; do
    more=0
    for stat in /proc/[0-9]*/stat; do
      read -r line 2>/dev/null <"$stat" || continue
      pid=\${line%% *}
      set -- "$1" \${line##*) }
      case $all in *" $pid "*) continue ;; esac
      case $all in *" $3 "* | *" $5 "*) all="$all$pid " more=1 ;; esac
    done
  done
  for id in $ids; do kill -KILL "-$id" 2>/dev/null; done
  for id in $all; do kill -KILL "$id" 2>/dev/null; done
}
[ -z "$1" ] || rm -rf "$1"
`;

/**
 * Ends the children of a server that was killed with SIGKILL and could not do it itself. A process of its own session,
 * so that what kills the server's group leaves it alone.
 */
export class Guardian {
  readonly #child: ChildProcess;

  constructor(removeAtEnd?: string) {
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'exec-server-guardian', removeAtEnd ?? ''], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
      cwd: '/',
    });
    this.#child.unref();
    // A guardian that somebody has killed guards nobody; the server's own clean-up works without it.
    this.#child.on('error', () => undefined);
    this.#child.stdin?.on('error', () => undefined);
    (this.#child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  }

  watch(leader: number): void {
    this.#child.stdin?.write(`+ ${leader}\n`);
  }

  forget(leader: number): void {
    this.#child.stdin?.write(`- ${leader}\n`);
  }

  close(): void {
    this.#child.stdin?.end();
  }
}
