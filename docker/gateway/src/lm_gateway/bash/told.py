"""Tells whoever started this gateway how many programs run: a line with their number at each change.

On a computer itself the app asks before it ends them, and it sees none of them by itself.
"""

from __future__ import annotations

import contextlib
import os

from lm_guard.process import GuardedProcess


class ToldPrograms:
    """Counts programs from their start until nothing of them is left. `descriptor` is inherited; None: nobody
    wants to know. It is kept from the programs themselves."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._running = 0
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            os.set_blocking(descriptor, False)

    def add(self, process: GuardedProcess) -> None:
        """A program that has been started."""
        self._change(1)
        process.finished.add_done_callback(lambda _: self._change(-1))

    def _change(self, change: int) -> None:
        self._running += change
        if self._descriptor is None:
            return
        # A reader that takes nothing hears of the next change; one that has gone ends this process anyway.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._descriptor, f"{self._running}\n".encode())
