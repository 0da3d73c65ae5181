/** What to do about a message of bubblewrap's; empty where it speaks for itself. */
export function adviceFor(message: string): string {
  if (/namespace|uid map|gid map|setting up uid|RTM_NEWADDR/i.test(message)) {
    return '; let users create namespaces: sysctl user.max_user_namespaces (above 0), kernel.unprivileged_userns_clone=1 (Debian), kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for bwrap (Ubuntu), or in a container allow them in its seccomp profile';
  }
  if (/mount proc/i.test(message)) return '; in a container, run it with an unmasked /proc (systempaths=unconfined)';
  if (/unknown option/i.test(message)) return '; bubblewrap 0.8.0 or newer is needed';
  return '';
}
