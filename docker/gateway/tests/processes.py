"""Looks at the processes of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path


def with_argument(text: str) -> list[int]:
    """The processes that carry `text` in their command line, zombies excepted (they have none)."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if text.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
    return found


def children_of(parent: int) -> list[int]:
    """The children of a process, zombies included."""
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def limit() -> float:
    """How many processes may run here (infinite where nothing limits them), in either cgroup tree."""
    for path in ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"):
        with contextlib.suppress(OSError):
            return float(Path(path).read_text().replace("max", "inf"))
    return float("inf")


async def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> bool:
    """Whether a condition becomes true in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
