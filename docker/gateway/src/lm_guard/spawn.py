"""Starting a guard from this process."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Mapping
from typing import Protocol

CONTROL_FD = 3
# Descriptors that are handed over are first moved above those they are copied to.
LOWEST_FREE_FD = 16


def guard_command(guard_path: str) -> list[str]:
    """How a guard is started: the one in Python by this interpreter, with the standard library only."""
    return [sys.executable, "-I", "-S", guard_path] if guard_path.endswith(".py") else [guard_path]


class Spawn(Protocol):
    """Starts `command`, a guard with all its arguments, as a child of this process.

    `descriptors` maps its numbers to ours. Returns its process id. Raises OSError."""

    def __call__(
        self, command: list[str], environment: Mapping[str, str], descriptors: Mapping[int, int]
    ) -> int: ...


def spawn_guard(command: list[str], environment: Mapping[str, str], descriptors: Mapping[int, int]) -> int:
    """The way that always works. Raises OSError."""
    moved: list[int] = []
    try:
        actions = []
        for target, source in descriptors.items():
            if source < LOWEST_FREE_FD:
                source = fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, LOWEST_FREE_FD)
                moved.append(source)
            actions.append((os.POSIX_SPAWN_DUP2, source, target))
        return os.posix_spawn(command[0], command, dict(environment), file_actions=actions)
    finally:
        for descriptor in moved:
            os.close(descriptor)
