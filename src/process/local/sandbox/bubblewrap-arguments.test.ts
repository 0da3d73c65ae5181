import { expect, test } from 'vitest';
import { bubblewrapArguments } from './bubblewrap-arguments.js';
import type { Mount } from './mount-plan.js';

function argumentsFor(mounts: Mount[], more: { root?: 'read' | 'nothing'; network?: 'restricted' | 'enabled' } = {}) {
  const plan = { root: more.root ?? 'read', mounts, placeholders: [] };
  const args = bubblewrapArguments({ plan, network: more.network ?? 'enabled', initFd: 8, unreadableFile: '/u' });
  return args.toString('latin1').replaceAll('\0', ' ');
}

test('mounts come in order, and what hides is closed when all are there', () => {
  const args = argumentsFor([
    { type: 'show', path: '/ws', access: 'write' },
    { type: 'hide-directory', path: '/ws/d', passable: true },
    { type: 'hide-file', path: '/ws/f' },
    { type: 'show', path: '/ws/d/e', access: 'read' },
    { type: 'show', path: '/dev/kvm', access: 'write' },
  ]);
  expect(args).toContain(' --ro-bind / / --dev /dev ');
  expect(args).toMatch(
    /--bind \/ws \/ws --perms 0111 --tmpfs \/ws\/d --ro-bind \/u \/ws\/f --ro-bind \/ws\/d\/e \/ws\/d\/e --dev-bind \/dev\/kvm \/dev\/kvm --remount-ro \/dev --remount-ro \/ws\/d $/,
  );
});

test('a view that begins with nothing is closed too', () => {
  const args = argumentsFor([{ type: 'link', path: '/bin', target: 'usr/bin' }], { root: 'nothing' });
  expect(args).not.toContain(' / / ');
  expect(args).toMatch(/--symlink usr\/bin \/bin --remount-ro \/ --remount-ro \/dev $/);
});

test('the network is taken away only where the profile restricts it', () => {
  expect(argumentsFor([], { network: 'restricted' })).toContain('--unshare-net');
  expect(argumentsFor([])).not.toContain('--unshare-net');
});

test('a path that is not UTF-8 keeps its bytes, and one with a NUL is refused', () => {
  expect(argumentsFor([{ type: 'hide-file', path: '/\udcff' }])).toContain('--ro-bind /u /\xff ');
  expect(() => argumentsFor([{ type: 'hide-file', path: '/a\0--bind' }])).toThrow('NUL');
});

test('more mounts than bubblewrap takes are refused', () => {
  const mounts = Array.from({ length: 3000 }, (_, i): Mount => ({ type: 'hide-file', path: `/f${i}` }));
  expect(() => argumentsFor(mounts)).toThrow(expect.objectContaining({ kind: 'sandbox_unavailable' }));
});
