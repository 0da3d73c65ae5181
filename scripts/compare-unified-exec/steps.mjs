// The calls that are made of both, in this order: { name, tool, args } and, for those on a session, the name of the step
// that started it. None prints an id, a time or a path that differs between two runs.
import { existsSync } from 'node:fs';

const PYTHON = ['/usr/bin/python3', '/usr/local/bin/python3'].find(existsSync);
const VIM = ['/usr/bin/vim', '/usr/local/bin/vim'].find(existsSync);

const start = (name, cmd, args = {}) => ({ name, tool: 'exec_command', args: { cmd, ...args } });
const type = (name, session, chars, args = {}) => ({ name, session, tool: 'write_stdin', args: { chars, ...args } });
const call = (name, tool, args) => ({ name, tool, args });

const xs = (bytes) => `head -c ${bytes} /dev/zero | tr '\\0' x`;

const python = [
  start('python', `${PYTHON} -q`, { tty: true, yield_time_ms: 1_500 }),
  type('python-types', 'python', 'print(6*7)\n', { yield_time_ms: 1_000 }),
  type('python-leaves', 'python', 'exit(5)\n', { yield_time_ms: 3_000 }),
  type('python-is-over', 'python', 'late\n'),
];

const vim = [
  start('vim', `${VIM} -u NONE -n note.txt`, { tty: true, yield_time_ms: 1_500 }),
  type('vim-types', 'vim', 'ihello\u001b', { yield_time_ms: 1_000 }),
  type('vim-leaves', 'vim', ':q!\r', { yield_time_ms: 3_000 }),
];

export const steps = [
  start('output', 'echo hi; exit 3'),
  start('no-output', 'true'),
  start('no-newline', 'printf hi'),
  start('both-streams', 'echo out; sleep 0.2; echo err >&2; sleep 0.2; echo out'),
  start('exit-255', 'exit 255'),
  start('not-found', '/no/such/program'),
  start('environment', 'echo "$NO_COLOR,$TERM,$LANG,$LC_CTYPE,$LC_ALL,$COLORTERM,$PAGER,$GIT_PAGER,$GH_PAGER"'),
  start('codex-marks', 'echo "CODEX_CI=$CODEX_CI"'),
  start('login', 'shopt login_shell'),
  start('no-login', 'shopt login_shell', { login: false }),
  start('shell', 'echo $0', { shell: '/bin/sh' }),
  start('shell-by-name', 'echo $0', { shell: 'sh' }),
  start('no-such-shell', 'echo x', { shell: '/no/such/shell', workdir: '/' }),
  start('workdir', 'pwd', { workdir: '/usr' }),
  start('no-such-workdir', 'echo x', { workdir: '/definitely/not' }),
  start('workdir-is-a-file', 'echo x', { workdir: '/etc/passwd' }),
  start('patch', "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: new.txt\n+hi\n*** End Patch\nEOF"),
  start('stdin-is-empty', 'cat; echo "read $?"'),

  start('cut', 'seq 1 20000'),
  start('cut-short', 'seq 1 200', { max_output_tokens: 20 }),
  start('cut-lines', 'for i in $(seq 1 40); do echo "line $i"; done; printf tail', { max_output_tokens: 10 }),
  start('cut-to-nothing', 'echo abcdefgh', { max_output_tokens: 0 }),
  start('cut-not-at-limit', xs(40), { max_output_tokens: 10 }),
  start('cut-one-over', xs(41), { max_output_tokens: 10 }),
  start('cut-characters', 'for i in $(seq 1 100); do printf "é€😀"; done', { max_output_tokens: 20 }),
  start('cut-10-mb', `${xs(10_485_760)}; echo; echo END`, { max_output_tokens: 50 }),
  start('cut-at-the-ceiling', `${xs(2_097_152)}; echo; echo END`, { max_output_tokens: 400_000 }),
  start('cut-negative', 'echo x', { max_output_tokens: -1 }),

  start('not-utf8', "printf 'a\\377b\\303'"),
  start('not-utf8-cut', "for i in $(seq 1 100); do printf 'a\\377'; done", { max_output_tokens: 20 }),
  start('nul', "printf 'a\\0b'"),
  start('escapes', "printf '\\033[31mred\\033[0m\\r\\nnext\\b\\t'"),

  start('terminal', 'stty size; echo $TERM; printf "a\\n"', { tty: true }),
  start('terminal-interrupt', 'sleep 100', { tty: true, yield_time_ms: 500 }),
  type('terminal-interrupted', 'terminal-interrupt', '\u0003', { yield_time_ms: 3_000 }),
  start('terminal-end-of-input', 'cat', { tty: true, yield_time_ms: 500 }),
  type('terminal-input-ended', 'terminal-end-of-input', 'typed\n\u0004', { yield_time_ms: 3_000 }),
  ...(PYTHON ? python : []),
  start('jobs', 'bash --norc -i', { tty: true, yield_time_ms: 1_000 }),
  type('jobs-run', 'jobs', 'sleep 100\n', { yield_time_ms: 500 }),
  type('jobs-stop', 'jobs', '\u001a', { yield_time_ms: 1_000 }),
  // Runs on, because bash does not leave a job that it thinks stopped.
  type('jobs-leave', 'jobs', 'bg; kill -9 %1; exit 7\n', { yield_time_ms: 3_000 }),
  ...(VIM ? vim : []),

  start('server', 'echo ready; while :; do sleep 0.1; done', { yield_time_ms: 600 }),
  type('server-input', 'server', 'hello\n'),
  type('server-interrupt', 'server', '\u0003', { yield_time_ms: 3_000 }),
  start('handler', "trap 'echo bye; exit 9' INT; echo ready; while :; do sleep 0.1; done", { yield_time_ms: 600 }),
  type('handler-interrupt', 'handler', '\u0003', { yield_time_ms: 3_000 }),
  start('slow', 'sleep 1; echo done', { yield_time_ms: 300 }),
  type('slow-poll', 'slow', ''),
  type('slow-is-over', 'slow', ''),
  start('slow-cut', 'sleep 1; seq 1 200', { yield_time_ms: 300 }),
  type('slow-cut-poll', 'slow-cut', '', { max_output_tokens: 20 }),
  start('split-character', "printf 'a\\342\\202'; sleep 1; printf '\\254b'", { yield_time_ms: 500 }),
  type('split-character-rest', 'split-character', ''),

  start('killed', 'kill -9 $$'),
  start('terminated', 'kill -TERM $$'),
  start('killed-in-terminal', 'kill -9 $$', { tty: true }),
  start('kill-later', '(sleep 1; kill -9 $$) >/dev/null 2>&1 & exec sleep 30', { yield_time_ms: 300 }),
  type('killed-later', 'kill-later', ''),
  start('closes-output', 'exec >&- 2>&-; sleep 1; exit 4'),
  start('leaves-a-process', '(sleep 1; echo late; echo lived >lived.txt) & echo first; exit 2'),
  start('left-process', 'sleep 2; cat lived.txt'),
  start('leaves-a-silent-process', '(sleep 1; echo lived >silent.txt) >/dev/null 2>&1 & echo first'),
  start('left-silent-process', 'sleep 2; cat silent.txt'),

  call('no-such-session', 'write_stdin', { session_id: 77, chars: 'x' }),
  call('no-session', 'write_stdin', { chars: 'x' }),
  call('wrong-argument', 'exec_command', { command: 'x' }),
  call('extra-argument', 'exec_command', { cmd: 'echo x', colour: true }),
  call('wrong-type', 'exec_command', { cmd: ['echo', 'x'] }),
];

/** The arguments of a step, `textOf(name)` being what earlier ones were answered. */
export function argumentsOf({ session, args }, textOf) {
  if (session === undefined) return args;
  return { session_id: Number(/session ID (\d+)/.exec(textOf(session) ?? '')?.[1]), ...args };
}
