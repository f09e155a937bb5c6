"""The guard for computers that have no compiled one: docker/image/guard/lm-guard.c in Python, with the same
command line and the same words on descriptor 3, which are described there. It is started as a program.

It has no Landlock (-s is refused). Instead it knows programs that make a pid namespace of their own:

    -p    The program is bubblewrap, or ends in it. A hang-up or SIGTERM of that program itself would end
          everything inside at once; so what is inside is asked first, and killed after the grace period.

This file needs the standard library only: it is forked for each program, so it has to stay small.
"""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios
import time
from collections.abc import Collection, Mapping, Sequence

CONTROL_FD = 3
# Received descriptors wait above all numbers that a program may be given.
LOWEST_FREE_FD = 16
MESSAGE_BYTES_MAX = 256 * 1024
DESCRIPTORS_MAX = 8
# The interpreter, two options and this file, see spawn.guard_command.
OWN_WORDS = 4
FREEZE_ROUNDS_MAX = 64
LONGEST_PAUSE_S = 0.064
USAGE = 64
CANNOT_START = 71
PR_SET_CHILD_SUBREAPER = 36
WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Python ignores these two, and what is ignored stays so across exec.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def parents_of_all() -> dict[int, int]:
    """The parent of each process there is."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _status_line(int(name))):
            parents[int(name)] = int(fields[1])
    return parents


def descendants_of(pid: int, *, without: Collection[int] = ()) -> list[int]:
    """Everything below a process, parents first, but not what is below those left out, nor these."""
    children: dict[int, list[int]] = {}
    for child, parent in parents_of_all().items():
        children.setdefault(parent, []).append(child)
    found = [pid]
    # It grows while it is gone through. Each is taken once: numbers are given anew meanwhile.
    for parent in found:
        found += (child for child in children.pop(parent, ()) if child not in without)
    return found[1:]


def _status_line(pid: int) -> list[str]:
    """State, parent and the rest; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The program's name stands in parentheses and may hold any character.
            return file.read().rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return []


def _ids_in_namespaces(pid: int) -> list[int]:
    """The process ids of a process, in our pid namespace first and in its own last."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            line = next((line for line in file if line.startswith(b"NSpid:")), b"")
    except OSError:
        return []
    return [int(value) for value in line.split()[1:]]


class Options:
    """The command line of a guard. Raises ValueError for what is none."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.nice = 0
        self.oom_score_adj = 0
        self.grace_ms = 3000
        self.drain_ms = 0
        self.cwd: str | None = None
        self.terminal = False
        self.pid_namespace = False
        words = list(arguments)
        while words and words[0].startswith("-") and words[0] != "-":
            word = words.pop(0)
            if word == "--":
                break
            self._take(word, words)
        if not words:
            raise ValueError("no program given")
        self.program = words

    def _take(self, word: str, rest: list[str]) -> None:
        match word:
            case "-t":
                self.terminal = True
            case "-p":
                self.pid_namespace = True
            case "-n" | "-o" | "-g" | "-d" | "-c" if rest:
                value = rest.pop(0)
                if word == "-c":
                    self.cwd = value
                elif word == "-n":
                    self.nice = int(value)
                elif word == "-o":
                    self.oom_score_adj = int(value)
                elif word == "-g":
                    self.grace_ms = int(value)
                else:
                    self.drain_ms = int(value)
            case _:
                raise ValueError(f"{word} is no option, or lacks its value")


class Guard:
    """Runs one program and leaves nothing of it alive."""

    def __init__(self, options: Options, environment: Mapping[str, str]) -> None:
        self._options = options
        self._environment = dict(environment)
        self._reports: list[str] = []
        self._program_pid = 0
        self._status: int | None = None

    def run(self) -> int:
        """Returns the guard's own exit status, when nothing is left."""
        os.set_inheritable(CONTROL_FD, False)
        _become_subreaper()
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in WATCHED:
            signal.signal(number, lambda *_: None)
        try:
            started = self._start()
        except OSError as error:
            self._report("failed", error.errno or errno.EIO)
            self._send_reports()
            return CANNOT_START
        if not started:
            os.waitpid(self._program_pid, 0)
            return 127
        # Inherited pipes must end when the program ends, not when the guard does.
        _close_all_but(CONTROL_FD, woken, wake)
        self._report("started", self._program_pid)
        signalled = self._follow(woken)
        self._report("finished", signalled)
        self._send_reports()
        if self._status is None:
            return 128 + signal.SIGKILL
        return _shell_status(self._status)

    # ---- starting ----

    def _start(self) -> bool:
        reading, writing = os.pipe()
        self._program_pid = os.fork()
        if self._program_pid == 0:
            self._become_program(writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as failure:
            told = failure.read()
        if told:
            self._report("failed", struct.unpack("=i", told)[0])
            self._send_reports()
        return not told

    def _become_program(self, failure: int) -> None:
        number = errno.EIO
        try:
            options = self._options
            os.setsid()
            if options.terminal:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            signal.set_wakeup_fd(-1)
            for watched in (*WATCHED, *IGNORED_BY_PYTHON):
                signal.signal(watched, signal.SIG_DFL)
            if options.oom_score_adj:
                # Where the kernel refuses it, the program runs all the same.
                with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
                    file.write(str(options.oom_score_adj))
            if options.nice:
                with contextlib.suppress(OSError):
                    os.nice(options.nice)
            if options.cwd is not None:
                os.chdir(options.cwd)
            os.execvpe(options.program[0], options.program, self._environment)  # noqa: S606
        except OSError as error:
            number = error.errno or errno.EIO
        finally:
            os.write(failure, struct.pack("=i", number))
            os._exit(127)

    # ---- following ----

    def _follow(self, woken: int) -> int:
        """Returns, when nothing is left, how many processes had to be sent a signal."""
        options = self._options
        signalled = 0
        draining_until: float | None = None
        killing_at: float | None = None
        looking = select.poll()
        looking.register(CONTROL_FD, select.POLLIN)
        looking.register(woken, select.POLLIN)
        while self._reap():
            now = time.monotonic()
            if self._status is not None and draining_until is None and killing_at is None:
                draining_until = now + options.drain_ms / 1000
            if killing_at is not None and now >= killing_at:
                return max(signalled, self._kill_all())
            if killing_at is None and draining_until is not None and now >= draining_until:
                asked = self._ask_to_end()
                signalled = len(asked)
                # Nobody who could end by itself is left.
                killing_at = now if options.pid_namespace and not asked else now + options.grace_ms / 1000
                continue
            deadline = killing_at if killing_at is not None else draining_until
            self._send_reports()
            ready = looking.poll(None if deadline is None else max(0.0, deadline - now) * 1000 + 1)
            gently = at_once = False
            for descriptor, _ in ready:
                if descriptor == woken:
                    numbers = os.read(woken, 4096)
                    gently |= any(number != signal.SIGCHLD for number in numbers)
                else:
                    request = _read_request()
                    gently |= request == b"t"
                    at_once |= request != b"t"
            if at_once:
                killing_at = time.monotonic()
            elif gently and killing_at is None:
                draining_until = time.monotonic()
        return signalled

    def _reap(self) -> bool:
        """Collects what has ended; whether any child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._program_pid:
                self._status = status
                if os.WIFSIGNALED(status):
                    self._report("signalled", os.WTERMSIG(status))
                else:
                    self._report("exited", os.WEXITSTATUS(status))

    def _ask_to_end(self) -> list[int]:
        # Parents first: a shell whose program ends before it is asked itself would go on behind it.
        asked = descendants_of(os.getpid())
        if self._options.pid_namespace:
            depth = len(_ids_in_namespaces(os.getpid()))
            # The first process inside only waits for the others, and takes them with it.
            asked = [pid for pid in asked if (ids := _ids_in_namespaces(pid)[depth:]) and ids[-1] != 1]
        # An interactive shell ignores SIGTERM, and ends at a hang-up.
        for number in (signal.SIGHUP,) * self._options.terminal + (signal.SIGTERM, signal.SIGCONT):
            _signal_all(asked, number)
        return asked

    def _kill_all(self) -> int:
        """Returns how many there were at most, when none is left."""
        most = 0
        pause_s = 0.001
        while True:
            # Frozen ones cannot start others meanwhile.
            for _ in range(FREEZE_ROUNDS_MAX):
                living = self._living()
                most = max(most, len(living))
                if all(_status_line(pid)[:1] in (["T"], ["t"], ["Z"], []) for pid in living):
                    break
                _signal_all(living, signal.SIGSTOP)
            _signal_all(self._living(), signal.SIGKILL)
            if not self._reap():
                return most
            self._send_reports()
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _living(self) -> list[int]:
        return [pid for pid in descendants_of(os.getpid()) if _status_line(pid)[:1] not in (["Z"], [])]

    # ---- telling ----

    def _report(self, word: str, value: int) -> None:
        self._reports.append(f"{word} {value}\n")

    def _send_reports(self) -> None:
        """What happens at once is told at once: each message wakes the caller."""
        if self._reports:
            # The caller may be gone; that is noticed as end of file on the same descriptor.
            with contextlib.suppress(OSError):
                os.write(CONTROL_FD, "".join(self._reports).encode("ascii"))
        self._reports.clear()


def _read_request() -> bytes:
    """Empty when the caller is gone."""
    try:
        return os.read(CONTROL_FD, 1)
    except OSError:
        return b""


def _signal_all(pids: Collection[int], number: signal.Signals) -> None:
    for pid in pids:
        # It has gone meanwhile, or became another user's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _shell_status(status: int) -> int:
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _become_subreaper() -> None:
    import ctypes  # costs as much as everything else here together

    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _close_all_but(*kept: int) -> None:
    low = 0
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    # os.closerange would try every number there can be.
    for name in os.listdir("/proc/self/fd"):
        if int(name) >= low:
            with contextlib.suppress(OSError):
                os.close(int(name))


# ---- standing ready -------------------------------------------------------------------------------


def stand_ready() -> int:
    """Forks a guard for each request, until nobody asks any more."""
    connection = socket.socket(fileno=CONTROL_FD)
    os.set_inheritable(CONTROL_FD, False)
    # Whoever asked waits for the guard's control channel to close. Its exit status nobody asks for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES_MAX, DESCRIPTORS_MAX)
        if not message:
            return 0
        # Its `flags` are not handed on before Python 3.12.
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        try:
            answer = _fork_guard(message, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        try:
            connection.send(struct.pack("=i", answer))
        except OSError:
            return 0


def _fork_guard(message: bytes, descriptors: list[int]) -> int:
    """The guard's process id, or a negative errno."""
    try:
        targets, words, environment = _understood(message, descriptors)
        options = Options(words)
    except (ValueError, struct.error):
        return -errno.EBADMSG
    try:
        pid = os.fork()
    except OSError as error:
        return -(error.errno or errno.EAGAIN)
    if pid == 0:
        status = CANNOT_START
        try:
            _move_descriptors(descriptors, targets)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            status = Guard(options, environment).run()
        finally:
            os._exit(status)
    return pid


def _understood(
    message: bytes, descriptors: Sequence[int]
) -> tuple[Sequence[int], list[str], dict[str, str]]:
    """Target numbers, the guard's arguments behind its own command, the environment. Raises ValueError,
    struct.error."""
    counts = struct.unpack_from("=3I", message)
    targets = array.array("I")
    targets.frombytes(message[12 : 12 + 4 * counts[2]])
    strings = [os.fsdecode(text) for text in message[12 + 4 * counts[2] :].split(b"\0")]
    wanted = counts[0] + counts[1]
    if len(targets) != len(descriptors) or counts[0] == 0 or len(strings) != wanted + 1 or strings[-1]:
        raise ValueError("no request")
    environment = dict(entry.split("=", 1) for entry in strings[counts[0] : wanted])
    return targets, strings[OWN_WORDS : counts[0]], environment


def _move_descriptors(descriptors: Sequence[int], targets: Sequence[int]) -> None:
    moved = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, LOWEST_FREE_FD) for each in descriptors]
    for source, target in zip(moved, targets, strict=True):
        os.dup2(source, target)
        os.close(source)


def main() -> int:
    arguments = sys.argv[1:]
    if arguments == ["-S"]:
        return stand_ready()
    try:
        options = Options(arguments)
    except ValueError as error:
        print(f"lm-guard: {error}", file=sys.stderr)
        return USAGE
    return Guard(options, os.environ).run()


if __name__ == "__main__":
    os._exit(main())
