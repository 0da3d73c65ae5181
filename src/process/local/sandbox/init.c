/*
 * The first process inside a sandbox, started by bubblewrap as pid 1 of its namespace. It starts the program as the leader
 * of a session of its own, on its terminal if it has one, says whether that went well, and how the program ended. Then it
 * ends itself, and with it whatever is left in the sandbox.
 *
 * It depends on nothing in the sandbox, not even a C library: a policy may hide everything.
 * Descriptors: 2 reports (and bubblewrap's messages), 3 to 5 the program's stdin, stdout and stderr, 6 what to run:
 * struct header, then the texts, each with its NUL: cwd, candidates, arguments, variables.
 * A report is a NUL, which no message of bubblewrap has, a letter, two NULs, and an int of this machine:
 *   s: started   d, t, f: chdir, terminal or exec failed with this errno   x: ended with this wait status
 *
 * scripts/build-sandbox-init.mjs compiles it into init-program.ts.
 */
#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, LSEEK = 8, MMAP = 9, IOCTL = 16, EXECVE = 59, WAIT4 = 61, FCNTL = 72, CHDIR = 80, SETSID = 112,
       PRCTL = 157, EXIT = 231, CLOSE = 3, CLONE = 56, DUP3 = 292, PIPE2 = 293, CLOSE_RANGE = 436 };
static long call(long n, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
enum { READ = 63, WRITE = 64, LSEEK = 62, MMAP = 222, IOCTL = 29, EXECVE = 221, WAIT4 = 260, FCNTL = 25, CHDIR = 49,
       SETSID = 157, PRCTL = 167, EXIT = 94, CLOSE = 57, CLONE = 220, DUP3 = 24, PIPE2 = 59, CLOSE_RANGE = 436 };
static long call(long n, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = n;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
#else
#error "no system calls are known for this machine"
#endif
#define CALL(n, a, b, c) call(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)

enum { REPORTS = 2, STREAMS = 3, SPEC = 6 };
enum { ENOENT = 2, EINTR = 4, EACCES = 13, ENOTDIR = 20, SIGCHLD = 17 };
enum { O_CLOEXEC = 02000000, F_SETFD = 2, FD_CLOEXEC = 1, CLOSE_RANGE_CLOEXEC = 4, MANY_FDS = 4096 };
enum { PROT_READ = 1, PROT_WRITE = 2, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20, SEEK_END = 2 };
enum { PR_SET_DUMPABLE = 4, TIOCSCTTY = 0x540E };

struct header {
  unsigned terminal, candidates, arguments, variables;
};

struct report {
  char nul, letter, more[2];
  int value;
};

static __attribute__((noreturn)) void leave(int code) {
  for (;;) CALL(EXIT, code, 0, 0);
}

static void report(int fd, char letter, int value) {
  struct report text = {0, letter, {0, 0}, value};
  CALL(WRITE, fd, &text, sizeof text);
}

static __attribute__((noreturn)) void fail(int fd, char letter, long error) {
  report(fd, letter, (int)-error);
  leave(127);
}

/** The pointers to `count` texts, the null after them, and where the text behind them begins. */
static char *point(char **pointers, unsigned count, char *text) {
  for (unsigned i = 0; i < count; i++) {
    pointers[i] = text;
    while (*text++) continue;
  }
  pointers[count] = 0;
  return text;
}

/** Closes all descriptors from `first` on, now or at the next exec. */
static void closeFrom(int first, int atExec) {
  if (CALL(CLOSE_RANGE, first, ~0u, atExec ? CLOSE_RANGE_CLOEXEC : 0) == 0) return;
  for (int fd = first; fd < MANY_FDS; fd++) {
    if (atExec) CALL(FCNTL, fd, F_SETFD, FD_CLOEXEC);
    else CALL(CLOSE, fd, 0, 0);
  }
}

static __attribute__((noreturn)) void run(struct header *spec, char **pointers, int failures) {
  char **candidates = pointers, **arguments = candidates + spec->candidates + 1;
  char **variables = arguments + spec->arguments + 1;
  char *cwd = (char *)(spec + 1), *text = cwd;
  while (*text++) continue;
  text = point(candidates, spec->candidates, text);
  text = point(arguments, spec->arguments, text);
  point(variables, spec->variables, text);

  for (int fd = 0; fd < 3; fd++) CALL(DUP3, STREAMS + fd, fd, 0);
  closeFrom(STREAMS, 1);
  CALL(SETSID, 0, 0, 0);
  long result = spec->terminal ? CALL(IOCTL, 0, TIOCSCTTY, 0) : 0;
  if (result < 0) fail(failures, 't', result);
  result = CALL(CHDIR, cwd, 0, 0);
  if (result < 0) fail(failures, 'd', result);

  long failure = -ENOENT;
  for (; *candidates; candidates++) { /* as execvp does, except that it hands nothing to the shell */
    result = CALL(EXECVE, *candidates, arguments, variables);
    if (result == -EACCES) failure = result;
    else if (result != -ENOENT && result != -ENOTDIR) fail(failures, 'f', result);
  }
  fail(failures, 'f', failure);
}

__attribute__((noreturn, used)) static void init(void) {
  /* What the program shares a namespace with, it could otherwise read and write through /proc. */
  CALL(PRCTL, PR_SET_DUMPABLE, 0, 0);
  long size = CALL(LSEEK, SPEC, 0, SEEK_END);
  struct header *spec = (void *)call(MMAP, 0, size, PROT_READ, MAP_PRIVATE, SPEC, 0);
  if ((unsigned long)spec > -4096ul) fail(REPORTS, 'f', (long)spec);
  unsigned long texts = spec->candidates + spec->arguments + spec->variables + 3ul;
  char **pointers = (void *)call(MMAP, 0, texts * sizeof(char *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if ((unsigned long)pointers > -4096ul) fail(REPORTS, 'f', (long)pointers);
  int failures[2];
  long result = CALL(PIPE2, failures, O_CLOEXEC, 0);
  if (result < 0) fail(REPORTS, 'f', result);
  long program = call(CLONE, SIGCHLD, 0, 0, 0, 0, 0);
  if (program < 0) fail(REPORTS, 'f', program);
  if (program == 0) run(spec, pointers, failures[1]);

  CALL(DUP3, failures[0], 0, 0);
  CALL(CLOSE, 1, 0, 0); /* the program's streams are its own: who waits for their end does not wait for us */
  closeFrom(STREAMS, 0);
  struct report failure;
  do result = CALL(READ, 0, &failure, sizeof failure); while (result == -EINTR);
  if (result == sizeof failure) {
    CALL(WRITE, REPORTS, &failure, sizeof failure);
    leave(127);
  }
  report(REPORTS, 's', 0);
  for (;;) {
    int status;
    result = call(WAIT4, -1, (long)&status, 0, 0, 0, 0);
    if (result == program) {
      report(REPORTS, 'x', status);
      leave(status & 0x7f ? 128 + (status & 0x7f) : (status >> 8) & 0xff);
    }
    if (result < 0 && result != -EINTR) leave(127);
  }
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %rsp\n call init\n");
#else
__asm__(".globl _start\n_start: mov x29, #0\n mov x30, #0\n b init\n");
#endif
