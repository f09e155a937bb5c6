"""A guard that stands ready: it forks the guard of each program, several times quicker than this large
process starts one. Its protocol is described in lm-guard.c."""

from __future__ import annotations

import array
import errno
import logging
import os
import signal
import socket
import struct
from collections.abc import Mapping

from lm_guard.spawn import CONTROL_FD, guard_command, spawn_guard

# To fork takes it a tenth of a millisecond, and on a machine that is far too busy as long as anything else.
# One that a command has stopped must not stop its caller for ever.
ANSWER_TIMEOUT_MS = 10_000
LOG = logging.getLogger(__name__)


class ReadyGuard:
    """Started with the first program, and again after it was lost. What it cannot be told (it is lost, or the
    request is too large for one message) is started directly, as if it were not there."""

    def __init__(
        self, guard_path: str, known_guards: set[int], answer_timeout_ms: int = ANSWER_TIMEOUT_MS
    ) -> None:
        self._answer_timeout_ms = answer_timeout_ms
        self._guard_path = guard_path
        self._known_guards = known_guards
        self._pid = 0
        self._socket: socket.socket | None = None

    def __call__(
        self, command: list[str], environment: Mapping[str, str], descriptors: Mapping[int, int]
    ) -> int:
        """Starts a guard, a child of this process; see `Spawn`. Raises OSError."""
        message = _message(command, environment, descriptors)
        try:
            connection = self._socket or self._start()
            socket.send_fds(connection, [message], list(descriptors.values()))
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                self._lose(error)
            return spawn_guard(command, environment, descriptors)
        return self._answer(connection)

    def _answer(self, connection: socket.socket) -> int:
        try:
            answer = connection.recv(4)
            if not answer:
                raise OSError(errno.EPIPE, "the guard that stands ready has ended")
        except OSError as error:
            # Whether the program was started is not known. It must not run twice; one that runs after all
            # is ended when the caller closes its control channel.
            self._lose(error)
            raise
        (pid,) = struct.unpack("=i", answer)
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        assert isinstance(pid, int)
        return pid

    def close(self) -> None:
        """Ends it; guards that it forked go on."""
        if self._socket is None:
            return
        self._socket.close()
        self._socket = None
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._known_guards.discard(self._pid)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # As the system's own option: for Python the socket stays a blocking one.
        seconds, milliseconds = divmod(self._answer_timeout_ms, 1000)
        limit = struct.pack("@ll", seconds, milliseconds * 1000)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            descriptors = {0: nothing, 1: nothing, 2: nothing, CONTROL_FD: theirs.fileno()}
            self._pid = spawn_guard([*guard_command(self._guard_path), "-S"], {}, descriptors)
        except OSError:
            ours.close()
            raise
        finally:
            os.close(nothing)
            theirs.close()
        self._known_guards.add(self._pid)
        self._socket = ours
        return ours

    def _lose(self, error: Exception) -> None:
        LOG.warning("the guard that stands ready was lost (%s); another one is started", error)
        self.close()


def _message(command: list[str], environment: Mapping[str, str], descriptors: Mapping[int, int]) -> bytes:
    strings = [*command, *(f"{name}={value}" for name, value in environment.items())]
    counts = array.array("I", [len(command), len(environment), len(descriptors), *descriptors])
    text = b"".join(os.fsencode(string) + b"\0" for string in strings)
    if text.count(0) != len(strings):
        raise ValueError("embedded null byte")
    return counts.tobytes() + text
