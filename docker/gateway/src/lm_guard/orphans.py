"""What to do when a guard is killed: its program's descendants come back to us, and are ended here."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Collection

from lm_guard.portable import descendants_of

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Makes orphaned descendants children of this process instead of process 1's."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """Has the kernel send SIGTERM to this process when its parent ends, however that ends."""
    parent = os.getppid()
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def forbid_inspection() -> None:
    """Lets no other process of the same user read this one's memory, environment or open files."""
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def kill_orphans(guards: Collection[int], deadline_s: float = 2.0) -> int:
    """Ends every child of this process that is no guard, with all its descendants.

    Blocks for a few milliseconds (at most `deadline_s`). Returns how many processes were found.
    """
    seen: set[int] = set()
    deadline = time.monotonic() + deadline_s
    while True:
        found = descendants_of(os.getpid(), without=guards)
        seen.update(found)
        if not found or time.monotonic() > deadline:
            return len(seen)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        time.sleep(0.001)
        for pid in found:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
