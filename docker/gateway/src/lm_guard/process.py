"""Starts a program under lm-guard and follows it to its end.

The guard is a small parent of the program that collects everything the program starts, however it
tries to leave, and ends it with the program. Its protocol is described in lm-guard.c.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lm_guard.spawn import CONTROL_FD, Spawn, guard_command, spawn_guard

DEFAULT_GUARD_PATH = "/opt/lm-sandbox/bin/lm-guard"
PORTABLE_GUARD_PATH = str(Path(__file__).with_name("portable.py"))
Value = TypeVar("Value")
# After its last word; it only exits.
GUARD_ENDS_WITHIN_MS = 1000


@dataclass(frozen=True)
class GuardOptions:
    """How the program is run.

    `grace_ms` lies between SIGTERM and SIGKILL; `drain_ms` is what descendants get to end by
    themselves after the program has ended. `secret_dir` asks for a Landlock domain that cannot read
    that folder. `terminal`: descriptor 0 is a terminal and becomes the program's controlling one. `nice` and
    `oom_score_adj` may only be raised by an ordinary user. `pid_namespace`, for the guard in Python only: the
    program is bubblewrap.
    """

    nice: int = 0
    oom_score_adj: int = 0
    grace_ms: int = 3000
    drain_ms: int = 0
    secret_dir: str | None = None
    terminal: bool = False
    pid_namespace: bool = False
    guard_path: str = DEFAULT_GUARD_PATH

    def arguments(self, cwd: str | None) -> list[str]:
        """The command line of the guard up to the program."""
        words = [*guard_command(self.guard_path), "-n", str(self.nice), "-o", str(self.oom_score_adj)]
        words += ["-g", str(self.grace_ms), "-d", str(self.drain_ms)]
        if cwd is not None:
            words += ["-c", cwd]
        if self.secret_dir is not None:
            words += ["-s", self.secret_dir]
        if self.terminal:
            words.append("-t")
        if self.pid_namespace:
            words.append("-p")
        return [*words, "--"]


@dataclass(frozen=True)
class ProcessEnd:
    """How a program ended: an exit code, or a signal; both None when the guard itself was killed."""

    code: int | None
    signal: int | None


class StartFailed(Exception):
    """The program could not be started; `errno` says why, as the system put it."""

    def __init__(self, program: str, error_number: int) -> None:
        super().__init__(f"{program}: {os.strerror(error_number)}")
        self.errno = error_number


class GuardedProcess:
    """One program under its guard. Create with `start`."""

    def __init__(self, guard_pid: int, control: socket.socket, program: str, known_guards: set[int]) -> None:
        loop = asyncio.get_running_loop()
        self.guard_pid = guard_pid
        self.pid: int | None = None
        self.isolation: str | None = None
        self._program = program
        self._known_guards = known_guards
        known_guards.add(guard_pid)
        self._control = control
        self._loop = loop
        self._unparsed = b""
        self._complete = False
        self._started: asyncio.Future[None] = loop.create_future()
        #: Resolves when the program itself has ended; descendants may still live.
        self.ended: asyncio.Future[ProcessEnd] = loop.create_future()
        #: Resolves when nothing is left, not even the guard: True, or False when the guard was killed
        #: before its work was done.
        self.finished: asyncio.Future[bool] = loop.create_future()
        loop.add_reader(control.fileno(), self._read_control)

    @classmethod
    async def start(
        cls,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        descriptors: Mapping[int, int],
        options: GuardOptions,
        known_guards: set[int],
        cwd: str | None = None,
        spawn: Spawn = spawn_guard,
    ) -> GuardedProcess:
        """Starts the program. `descriptors` maps the program's numbers (0, 1, 2, 4, …) to ours.

        `known_guards` holds the process ids of the living guards of this process; it is kept up to
        date here, so that `kill_orphans` can tell a guard from what a killed guard left behind. `spawn`
        starts the guard: from this process, or by a `ReadyGuard`.

        Raises StartFailed when the program cannot be started.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        command = [*options.arguments(cwd), *arguments]
        try:
            guard_pid = spawn(command, environment, {**descriptors, CONTROL_FD: theirs.fileno()})
        except BaseException as error:
            ours.close()
            if isinstance(error, OSError):
                raise StartFailed(options.guard_path, error.errno or errno.EIO) from error
            raise
        finally:
            theirs.close()
        process = cls(guard_pid, ours, arguments[0], known_guards)
        try:
            await process._started
        except StartFailed:
            # Its guard ends now; nothing of it may be left when the caller hears of the failure.
            await asyncio.wait([process.finished])
            raise
        return process

    def terminate(self) -> None:
        """Ends the program and all its descendants: SIGTERM, then SIGKILL after the grace period."""
        self._request(b"t")

    def kill(self) -> None:
        """Ends the program and all its descendants at once."""
        self._request(b"k")

    def _request(self, request: bytes) -> None:
        if self.finished.done():
            return
        # The guard may end between the check and the write; then there is nothing to ask for.
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            self._control.send(request)

    def _read_control(self) -> None:
        try:
            received = self._control.recv(4096)
        except BlockingIOError:
            return
        except ConnectionError:
            received = b""
        if not received:
            self._close()
            return
        *lines, self._unparsed = (self._unparsed + received).split(b"\n")
        for line in lines:
            self._handle(line.decode("ascii"))

    def _handle(self, line: str) -> None:
        word, _, value = line.partition(" ")
        match word:
            case "isolation":
                self.isolation = value
            case "started":
                self.pid = int(value)
                _resolve(self._started, None)
            case "failed":
                _fail(self._started, StartFailed(self._program, int(value)))
            case "exited":
                _resolve(self.ended, ProcessEnd(code=int(value), signal=None))
            case "signalled":
                _resolve(self.ended, ProcessEnd(code=None, signal=int(value)))
            case "finished":
                self._complete = True

    def _close(self) -> None:
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        # The end of the control channel is the end of the guard, so this does not wait.
        # Someone else in this process (a reaper of orphans) may have collected it already.
        try:
            os.waitpid(self.guard_pid, 0)
        except ChildProcessError:
            _wait_for_others_child(self.guard_pid)
        self._known_guards.discard(self.guard_pid)
        _fail(self._started, StartFailed(self._program, errno.EIO))
        _resolve(self.ended, ProcessEnd(code=None, signal=None))
        _resolve(self.finished, self._complete)


def _resolve(future: asyncio.Future[Value], value: Value) -> None:
    if not future.done():
        future.set_result(value)


def _wait_for_others_child(pid: int) -> None:
    """A guard in Python is the child of the one that stands ready, which collects it."""
    try:
        ending = os.pidfd_open(pid)
    except OSError:
        return
    try:
        looking = select.poll()
        looking.register(ending, select.POLLIN)
        looking.poll(GUARD_ENDS_WITHIN_MS)
    finally:
        os.close(ending)


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
