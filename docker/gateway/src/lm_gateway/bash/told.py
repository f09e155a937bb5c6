"""Tells whoever started this gateway which programs run: a line with their process ids at each change.

On a computer itself the app asks before it ends them, and shows how many processes there are; it sees none of
them by itself.
"""

from __future__ import annotations

import contextlib
import os

from lm_guard.process import GuardedProcess


class ToldPrograms:
    """Knows programs from their start until nothing of them is left. `descriptor` is inherited; None: nobody
    wants to know. It is kept from the programs themselves."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._running: list[int] = []
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            os.set_blocking(descriptor, False)

    def add(self, process: GuardedProcess) -> None:
        """A program that has been started."""
        pid = process.pid
        assert pid is not None, "known since it was started"
        self._running.append(pid)
        self._tell()
        process.finished.add_done_callback(lambda _: self._forget(pid))

    def _forget(self, pid: int) -> None:
        self._running.remove(pid)
        self._tell()

    def _tell(self) -> None:
        if self._descriptor is None:
            return
        # A reader that takes nothing hears of the next change; one that has gone ends this process anyway.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._descriptor, " ".join(map(str, self._running)).encode() + b"\n")
