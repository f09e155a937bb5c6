"""Telling other gateways on the same volume that a file is in use."""

from __future__ import annotations

import errno
import fcntl
from enum import Enum, auto


class Lock(Enum):
    """What became of a wish for a lock. `UNKNOWN`: this file system has none."""

    OURS = auto()
    TAKEN = auto()
    UNKNOWN = auto()


def lock(descriptor: int) -> Lock:
    """Locks a file, without waiting, until its last descriptor is closed. Raises OSError."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Lock.TAKEN
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            return Lock.UNKNOWN
        raise
    return Lock.OURS
