"""Unfinished uploads of a gateway that was killed: taken away when the next one starts.

Another gateway may work on the same volume, and its uploads have names of the same form. Every upload is
locked (flock) while it arrives, and a lock ends with its process, so a file that can be locked is nobody's.
That holds for all containers of one machine. Where the file system has no locks, only what nobody has written
to for a day is taken away; a network file system that pretends to lock (CIFS with `nobrl`, NFS with
`local_lock`) must not be shared by the gateways of two machines.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from contextlib import suppress

from lm_gateway.files.beneath import Beneath
from lm_gateway.files.lock import Lock, lock
from lm_gateway.files.paths import Names
from lm_gateway.files.upload import UNFINISHED_PREFIX, UNFINISHED_RANDOM_BYTES

UNFINISHED = re.compile(f"{re.escape(UNFINISHED_PREFIX)}[0-9a-f]{{{2 * UNFINISHED_RANDOM_BYTES}}}")
OLD_S = 86_400.0
# Between two folders, or looking through many of them would slow the requests of a gateway that just started.
PAUSE_S = 0.001
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def remove_leftovers(tree: Beneath, stop: threading.Event) -> int:
    """Looks through the whole tree, not through links; gives the number of files it took away. What cannot
    be read or deleted stays."""
    removed = 0
    folders: list[Names] = [()]
    while folders and not stop.wait(PAUSE_S):
        names = folders.pop()
        with suppress(OSError), tree.folder(names, flags=FOLDER) as folder:
            below, unfinished = _look(folder)
            folders += [(*names, name) for name in below]
            for name in unfinished:
                with suppress(OSError):
                    removed += _remove(folder, name)
    return removed


def _look(folder: int) -> tuple[list[str], list[str]]:
    """The folders in a folder, and what is called like an unfinished upload."""
    below: list[str] = []
    unfinished: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if UNFINISHED.fullmatch(entry.name):
                unfinished.append(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
    return below, unfinished


def _remove(folder: int, name: str) -> bool:
    if not stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode):
        return False
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        state = lock(descriptor)
        old = time.time() - os.fstat(descriptor).st_mtime > OLD_S
        if state is Lock.TAKEN or (state is Lock.UNKNOWN and not old):
            return False
        # While it is locked here nobody else gives it another name.
        os.unlink(name, dir_fd=folder)
        return True
    finally:
        os.close(descriptor)
