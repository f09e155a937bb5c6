/*
 * lm-guard: runs one program and leaves nothing of it alive.
 *
 *   lm-guard [-n NICE] [-o OOM_SCORE_ADJ] [-g GRACE_MS] [-d DRAIN_MS] [-c CWD]
 *            [-s SECRET_DIR] [-t] -- PROGRAM ARG...
 *   lm-guard -S
 *
 * The guard makes itself the "child subreaper" of everything that the program starts: whatever
 * daemonises (nohup, setsid, double fork) becomes a child of the guard instead of leaving the tree.
 * When the program has ended, or when the caller asks for it or goes away, the guard ends the rest:
 * SIGTERM, a grace period, then it freezes every descendant (so that none can fork meanwhile) and
 * kills them, again and again until none is left.
 *
 * With -s the program and its descendants enter a Landlock domain, where the kernel has Landlock:
 * they can read no file under SECRET_DIR, neither trace nor read the memory or the environment of a
 * process outside their domain, and (Linux 6.12 and newer) send it no signal. New files in the folders
 * above SECRET_DIR are closed to them too, so those should be folders in which they create none.
 *
 * With -t the program's standard input is a terminal and becomes its controlling terminal.
 *
 * File descriptor 3 is the control channel, a stream socket to the caller. Lines from the guard:
 *   started PID            the program runs
 *   isolation NAME         landlock-signals, landlock or none (only with -s; before "started")
 *   failed ERRNO           the program could not be started; the guard then exits with 127
 *   exited CODE            the program ended with this code, or
 *   signalled NUMBER       was ended by this signal; descendants may still live
 *   finished COUNT         nothing is left; COUNT processes had to be sent a signal
 * Bytes to the guard: 't' end it gently (SIGTERM first), 'k' end it at once. End of file: as 'k'.
 * Every other inherited descriptor goes to the program; the guard keeps none of them open.
 *
 * With -S it stands ready to become such guards: to fork this small process is several times quicker than
 * to start one from a large caller. Descriptor 3 is then a SOCK_SEQPACKET socket. A message holds, in the
 * machine's byte order, three uint32 (counts of arguments, of environment strings, of descriptors), one
 * uint32 for each descriptor (the number it gets; 3 is the guard's control channel), and the strings, each
 * with its NUL; the descriptors come with it. The answer is an int32: the process id of the guard, which is
 * a child of the caller as if it had started it itself, or a negative errno. End of file: it exits.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_FD 3
#define MAX_PROCESSES 65536
#define FREEZE_ROUNDS_MAX 64
/* Received descriptors wait above all numbers that a program may be given. */
#define LOWEST_FREE_FD 16
#define MESSAGE_BYTES_MAX (256 * 1024)
#define DESCRIPTORS_MAX 8
#define PATH_LEVELS_MAX 16

/* Newer than the headers of the oldest supported base. */
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)
#define ACCESS_FS_REFER (1ULL << 13)
struct ruleset {
  __u64 handled_access_fs;
  __u64 handled_access_net;
  __u64 scoped;
};

struct options {
  int nice;
  int oom_score_adj;
  long grace_ms;
  long drain_ms;
  const char *cwd;
  const char *secret_dir;
  bool terminal;
  char **program; /* with its arguments */
};

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

static char reports[256];
static size_t reports_length;

/* What happens at once is told at once: each message wakes the caller. */
static void send_reports(void) {
  /* The caller may be gone; that is noticed as end of file on the same descriptor. */
  if (reports_length > 0) (void)!write(CONTROL_FD, reports, reports_length);
  reports_length = 0;
}

static void report(const char *word, long value) {
  reports_length +=
      (size_t)snprintf(reports + reports_length, sizeof reports - reports_length, "%s %ld\n", word, value);
}

static void report_text(const char *line) { (void)!write(CONTROL_FD, line, strlen(line)); }

/* ---- descendants ------------------------------------------------------------------------------ */

struct process {
  pid_t pid;
  pid_t parent;
  char state;
  bool ours;
};

static struct process processes[MAX_PROCESSES];
static size_t process_count;

static bool read_process(const char *name, struct process *process) {
  char path[64];
  char text[1024];
  snprintf(path, sizeof path, "/proc/%s/stat", name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return false;
  text[length] = '\0';
  /* The program's name stands in parentheses and may hold any character: search from the end. */
  char *after_name = strrchr(text, ')');
  if (after_name == NULL) return false;
  process->pid = (pid_t)atol(name);
  process->ours = false;
  return sscanf(after_name + 2, "%c %d", &process->state, &process->parent) == 2;
}

static int by_pid(const void *left, const void *right) {
  pid_t a = ((const struct process *)left)->pid, b = ((const struct process *)right)->pid;
  return (a > b) - (a < b);
}

static struct process *find(pid_t pid) {
  struct process key = {.pid = pid};
  return bsearch(&key, processes, process_count, sizeof *processes, by_pid);
}

/* Marks every living descendant of the guard; returns how many there are. */
static size_t find_descendants(void) {
  process_count = 0;
  DIR *proc = opendir("/proc");
  if (proc == NULL) return 0;
  struct dirent *entry;
  while ((entry = readdir(proc)) != NULL && process_count < MAX_PROCESSES) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    if (read_process(entry->d_name, &processes[process_count])) process_count++;
  }
  closedir(proc);
  qsort(processes, process_count, sizeof *processes, by_pid);
  pid_t self = getpid();
  size_t found = 0;
  bool changed = true;
  while (changed) { /* A parent may have a higher number than its child: repeat until stable. */
    changed = false;
    for (size_t i = 0; i < process_count; i++) {
      struct process *process = &processes[i];
      if (process->ours || process->pid == self) continue;
      struct process *parent = find(process->parent);
      if (process->parent == self || (parent != NULL && parent->ours)) {
        process->ours = true;
        changed = true;
        if (process->state != 'Z') found++;
      }
    }
  }
  return found;
}

static size_t signal_descendants(int number) {
  size_t sent = 0;
  for (size_t i = 0; i < process_count; i++) {
    if (processes[i].ours && processes[i].state != 'Z' && kill(processes[i].pid, number) == 0) sent++;
  }
  return sent;
}

static bool all_stopped(void) {
  for (size_t i = 0; i < process_count; i++) {
    char state = processes[i].state;
    if (processes[i].ours && state != 'T' && state != 't' && state != 'Z') return false;
  }
  return true;
}

/* ---- state of one run -------------------------------------------------------------------------- */

static pid_t main_pid;
static bool main_ended;
static int main_status;

/* Collects every dead child; returns false when no child is left at all. */
static bool reap(void) {
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid == 0) return true;
    if (pid < 0) return errno != ECHILD;
    if (pid == main_pid) {
      main_ended = true;
      main_status = status;
      if (WIFSIGNALED(status)) report("signalled", WTERMSIG(status));
      else report("exited", WEXITSTATUS(status));
    }
  }
}

/* Freezes, kills and reaps until no descendant lives. */
static size_t kill_all(void) {
  size_t most = 0;
  long pause_ms = 1; /* A process in an uninterruptible wait dies late: do not spin beside it. */
  for (;;) {
    for (int round = 0; round < FREEZE_ROUNDS_MAX; round++) {
      size_t living = find_descendants();
      if (living > most) most = living;
      if (living == 0 || all_stopped()) break;
      signal_descendants(SIGSTOP);
    }
    signal_descendants(SIGKILL);
    if (!reap()) return most;
    send_reports();
    struct timespec pause = {.tv_nsec = pause_ms * 1000000L};
    nanosleep(&pause, NULL);
    if (pause_ms < 64) pause_ms *= 2;
  }
}

/* ---- Landlock ---------------------------------------------------------------------------------- */

static void allow_beneath(int ruleset_fd, int dir_fd, const char *name, __u64 access) {
  struct landlock_path_beneath_attr rule = {.allowed_access = access};
  rule.parent_fd = openat(dir_fd, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
  if (rule.parent_fd < 0) return;
  struct stat status;
  if (fstat(rule.parent_fd, &status) == 0) {
    if (!S_ISDIR(status.st_mode)) rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE;
    if (!S_ISLNK(status.st_mode))
      syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  }
  close(rule.parent_fd);
}

/* When the folders on the way to the secret one were last changed: a new entry in them needs a new rule. */
struct way {
  char secret_dir[4096];
  struct timespec changed[PATH_LEVELS_MAX];
};

/* What -s needs of the kernel; made once and used for every program of a guard that stands ready. */
struct domain {
  int ruleset_fd; /* -1: there is none */
  const char *name;
  struct way way;
};

static void note_level(struct way *way, int level, int dir_fd) {
  struct stat status;
  if (level < PATH_LEVELS_MAX && fstat(dir_fd, &status) == 0) way->changed[level] = status.st_mtim;
}

/* Landlock only knows permissions: everything is allowed, level by level, but the secret folder. */
static void allow_all_but(int ruleset_fd, struct way *way, __u64 access) {
  char path[sizeof way->secret_dir];
  memcpy(path, way->secret_dir, sizeof path);
  char *rest = path + 1;
  int dir_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int level = 0; dir_fd >= 0; level++) {
    note_level(way, level, dir_fd);
    char *slash = strchr(rest, '/');
    if (slash != NULL) *slash = '\0';
    DIR *dir = fdopendir(dup(dir_fd));
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      if (strcmp(entry->d_name, rest) != 0) allow_beneath(ruleset_fd, dir_fd, entry->d_name, access);
    }
    if (dir != NULL) closedir(dir);
    int next_fd = slash == NULL ? -1 : openat(dir_fd, rest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(dir_fd);
    dir_fd = next_fd;
    rest = slash == NULL ? rest : slash + 1;
  }
}

/* Whether a domain that was prepared earlier still is what it would be now. */
static bool still_true(const struct domain *prepared, const char *secret_dir) {
  if (strcmp(prepared->way.secret_dir, secret_dir) != 0) return false;
  int level = 0;
  for (const char *slash = secret_dir; slash != NULL; slash = strchr(slash + 1, '/'), level++) {
    char folder[sizeof prepared->way.secret_dir];
    struct stat status;
    snprintf(folder, sizeof folder, "%.*s", slash == secret_dir ? 1 : (int)(slash - secret_dir), secret_dir);
    if (level == PATH_LEVELS_MAX || stat(folder, &status) != 0) return false;
    const struct timespec *then = &prepared->way.changed[level];
    if (then->tv_sec != status.st_mtim.tv_sec || then->tv_nsec != status.st_mtim.tv_nsec) return false;
  }
  return true;
}

/* How far the kernel can go in keeping a program from `secret_dir` and from other processes. */
static void prepare_domain(struct domain *domain, const char *secret_dir) {
  if (domain->ruleset_fd >= 0) close(domain->ruleset_fd);
  *domain = (struct domain){.ruleset_fd = -1, .name = "isolation none\n"};
  snprintf(domain->way.secret_dir, sizeof domain->way.secret_dir, "%s", secret_dir);
  long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  struct ruleset attributes = {.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE};
  /* Before ABI 2 a domain forbids to move files between folders: too high a price. */
  if (abi < 2) return;
  attributes.handled_access_fs |= ACCESS_FS_REFER;
  size_t size = sizeof attributes.handled_access_fs;
  if (abi >= 6) {
    attributes.scoped = SCOPE_SIGNAL | SCOPE_ABSTRACT_UNIX_SOCKET;
    size = sizeof attributes;
  }
  domain->ruleset_fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
  if (domain->ruleset_fd < 0) return;
  allow_all_but(domain->ruleset_fd, &domain->way, attributes.handled_access_fs);
  domain->name = abi >= 6 ? "isolation landlock-signals\n" : "isolation landlock\n";
}

/* Puts this process into a domain of its own, also when others enter by the same ruleset. */
static const char *enter_domain(const struct domain *domain) {
  if (domain->ruleset_fd < 0) return "isolation none\n";
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  long failed = syscall(SYS_landlock_restrict_self, domain->ruleset_fd, 0);
  close(domain->ruleset_fd);
  return failed == 0 ? domain->name : "isolation none\n";
}

/* ---- start ------------------------------------------------------------------------------------- */

static void set_oom_score(int value) {
  if (value == 0) return;
  /* The files of a process that is not dumpable belong to root. The guard that needs this line holds
     no secret, so it may be dumpable for a moment. */
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    char text[16];
    int length = snprintf(text, sizeof text, "%d", value);
    (void)!write(fd, text, (size_t)length);
    close(fd);
  }
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static struct domain domain = {.ruleset_fd = -1};

/* Has a domain ready for these options: the one there is where that still fits. */
static void ready_domain(const struct options *options) {
  if (options->secret_dir == NULL) return;
  if (domain.ruleset_fd >= 0 && still_true(&domain, options->secret_dir)) return;
  prepare_domain(&domain, options->secret_dir);
}

static void run_program(const struct options *options, const sigset_t *mask, int failure_fd) {
  setsid();
  if (options->terminal) ioctl(STDIN_FILENO, TIOCSCTTY, 0);
  /* Python ignores these two, and what is ignored stays so across exec. */
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  sigprocmask(SIG_SETMASK, mask, NULL);
  set_oom_score(options->oom_score_adj);
  if (options->nice != 0) (void)!nice(options->nice);
  if (options->secret_dir != NULL) report_text(enter_domain(&domain));
  close(CONTROL_FD);
  if (options->cwd == NULL || chdir(options->cwd) == 0) execvp(options->program[0], options->program);
  int error = errno;
  (void)!write(failure_fd, &error, sizeof error);
  _exit(127);
}

static void close_all_but(int first, int second) {
  /* Inherited pipes must end when the program ends, not when the guard does. */
  int low = first < second ? first : second, high = first < second ? second : first;
  if (low > 0) close_range(0, (unsigned)low - 1, 0);
  if (high > low + 1) close_range((unsigned)low + 1, (unsigned)high - 1, 0);
  close_range((unsigned)high + 1, ~0U, 0);
}

/* Returns false, after a word about it, when these are no options with a program behind them. */
static bool parse(int argc, char **argv, struct options *options) {
  *options = (struct options){.grace_ms = 3000, .drain_ms = 0};
  /* 0 and not 1: getopt forgets where in an earlier request it was. */
  optind = 0;
  int letter;
  while ((letter = getopt(argc, argv, "+n:o:g:d:c:s:t")) != -1) {
    switch (letter) {
      case 'n': options->nice = atoi(optarg); break;
      case 'o': options->oom_score_adj = atoi(optarg); break;
      case 'g': options->grace_ms = atol(optarg); break;
      case 'd': options->drain_ms = atol(optarg); break;
      case 'c': options->cwd = optarg; break;
      case 's': options->secret_dir = optarg[0] == '/' ? optarg : NULL; break;
      case 't': options->terminal = true; break;
      default: return false;
    }
  }
  options->program = &argv[optind];
  if (optind >= argc) fprintf(stderr, "lm-guard: no program given\n");
  return optind < argc;
}

/* Runs the program and returns the guard's own exit status. */
static int guard(const struct options *options) {
  fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

  sigset_t watched, original;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGHUP);
  sigprocmask(SIG_BLOCK, &watched, &original);

  int failure[2];
  if (pipe2(failure, O_CLOEXEC) != 0) return 71;
  main_pid = fork();
  if (main_pid < 0) {
    report("failed", errno);
    send_reports();
    return 71;
  }
  if (main_pid == 0) run_program(options, &original, failure[1]);
  close(failure[1]);
  int error = 0;
  if (read(failure[0], &error, sizeof error) == (ssize_t)sizeof error) {
    report("failed", error);
    send_reports();
    waitpid(main_pid, NULL, 0);
    return 127;
  }
  close(failure[0]);
  report("started", main_pid);

  int signal_fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  close_all_but(CONTROL_FD, signal_fd);

  enum { RUNNING, DRAINING, ENDING } phase = RUNNING;
  long deadline = 0;
  size_t signalled = 0;
  for (;;) {
    bool children_left = reap();
    if (!children_left) break;
    if (main_ended && phase == RUNNING) {
      phase = DRAINING;
      deadline = now_ms() + options->drain_ms;
    }
    if (phase != RUNNING && now_ms() >= deadline) {
      if (phase == ENDING) {
        size_t killed = kill_all();
        if (killed > signalled) signalled = killed;
        break;
      }
      phase = ENDING;
      deadline = now_ms() + options->grace_ms;
      find_descendants();
      signalled = signal_descendants(SIGTERM);
      signal_descendants(SIGCONT);
    }
    struct pollfd polled[2] = {{.fd = CONTROL_FD, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    long left = phase == RUNNING ? -1 : deadline - now_ms();
    send_reports();
    poll(polled, 2, left < 0 && phase != RUNNING ? 0 : (int)left);
    bool gently = false, at_once = false;
    struct signalfd_siginfo info;
    while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
      if (info.ssi_signo != SIGCHLD) gently = true;
    }
    if (polled[0].revents != 0) {
      char request;
      ssize_t length = read(CONTROL_FD, &request, 1);
      if (length == 1 && request == 't') gently = true;
      else at_once = true;
    }
    if (at_once) {
      phase = ENDING;
      deadline = now_ms();
    } else if (gently && phase != ENDING) {
      phase = DRAINING;
      deadline = now_ms();
    }
  }
  report("finished", (long)signalled);
  send_reports();
  return main_ended && WIFEXITED(main_status) ? WEXITSTATUS(main_status)
                                              : 128 + (main_ended ? WTERMSIG(main_status) : SIGKILL);
}

/* ---- standing ready ----------------------------------------------------------------------------- */

/* A request as it came: its parts point into `bytes`. */
struct request {
  char bytes[MESSAGE_BYTES_MAX];
  char *strings[MESSAGE_BYTES_MAX / 2];
  int fds[DESCRIPTORS_MAX];
  uint32_t targets[DESCRIPTORS_MAX];
  uint32_t arguments, environment, descriptors;
};

/* Returns false at the end of file; `received` is the number of descriptors that came. */
static bool receive(struct request *request, size_t *length, size_t *received) {
  union {
    char space[CMSG_SPACE(sizeof request->fds)];
    struct cmsghdr aligned;
  } control;
  struct iovec data = {.iov_base = request->bytes, .iov_len = sizeof request->bytes};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  ssize_t read_bytes;
  do read_bytes = recvmsg(CONTROL_FD, &message, MSG_CMSG_CLOEXEC);
  while (read_bytes < 0 && errno == EINTR);
  if (read_bytes <= 0) return false;
  *length = (size_t)read_bytes;
  *received = 0;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    *received = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(request->fds, CMSG_DATA(part), *received * sizeof(int));
  }
  return true;
}

/* Finds the parts of a message; false when it is none. */
static bool understand(struct request *request, size_t length, size_t received) {
  uint32_t counts[3];
  size_t at = sizeof counts;
  if (length < at || request->bytes[length - 1] != '\0') return false;
  memcpy(counts, request->bytes, sizeof counts);
  request->arguments = counts[0];
  request->environment = counts[1];
  request->descriptors = counts[2];
  if (counts[2] != received || length < at + received * sizeof(uint32_t)) return false;
  memcpy(request->targets, request->bytes + at, received * sizeof(uint32_t));
  at += received * sizeof(uint32_t);
  size_t wanted = (size_t)counts[0] + counts[1], found = 0;
  /* Each list is closed by NULL, so there is one place more between them. */
  if (counts[0] == 0 || wanted + 2 > sizeof request->strings / sizeof *request->strings) return false;
  for (char *string = request->bytes + at; string < request->bytes + length && found < wanted; found++) {
    request->strings[found < counts[0] ? found : found + 1] = string;
    string += strlen(string) + 1;
  }
  request->strings[counts[0]] = NULL;
  request->strings[wanted + 1] = NULL;
  return found == wanted;
}

static int become_guard(struct request *request, const struct options *options) {
  for (uint32_t i = 0; i < request->descriptors; i++) {
    request->fds[i] = fcntl(request->fds[i], F_DUPFD_CLOEXEC, LOWEST_FREE_FD);
  }
  for (uint32_t i = 0; i < request->descriptors; i++) {
    if (dup2(request->fds[i], (int)request->targets[i]) < 0) return 71;
    close(request->fds[i]);
  }
  environ = request->strings + request->arguments + 1;
  return guard(options);
}

static int stand_ready(void) {
  static struct request request;
  fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  size_t length, received;
  while (receive(&request, &length, &received)) {
    int32_t answer = -EBADMSG;
    struct options options;
    if (understand(&request, length, received) && parse((int)request.arguments, request.strings, &options)) {
      /* Prepared here, it serves the next ones too. */
      ready_domain(&options);
      /* A brother, not a child: whoever asked collects it. */
      long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
      if (pid == 0) _exit(become_guard(&request, &options));
      answer = pid > 0 ? (int32_t)pid : -errno;
    }
    for (size_t i = 0; i < received; i++) close(request.fds[i]);
    if (send(CONTROL_FD, &answer, sizeof answer, MSG_NOSIGNAL) < 0) return 0;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "-S") == 0) return stand_ready();
  struct options options;
  if (!parse(argc, argv, &options)) return 64;
  ready_domain(&options);
  return guard(&options);
}
