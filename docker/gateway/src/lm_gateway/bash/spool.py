"""The whole output of commands whose answer shows only a part of it: on disk, under quotas.

The files have no names: no command can open another's output, with Landlock or without, and whatever happens
to the gateway, nothing stays behind on the disk.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from lm_gateway.settings import SpoolLimits

GRANT_BYTES = 8 * 1024 * 1024
# Handing work to a thread costs as much as writing 100 KiB.
WRITE_BYTES = 1024 * 1024
# The kernel takes at most 1024.
VECTORS_MAX = 512


class Spools:
    """All spools of the gateway. When the quota is used up, those of finished commands go, oldest first."""

    def __init__(self, folder: Path, limits: SpoolLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._spools: list[Spool] = []

    @property
    def total_bytes(self) -> int:
        """What all spools have been granted."""
        return sum(spool.granted_bytes for spool in self._spools)

    def open(self) -> Spool:
        """A spool for one command."""
        spool = Spool(self)
        self._spools.append(spool)
        return spool

    def make_file(self) -> int:
        """A new file without a name; raises OSError where there can be none."""
        with tempfile.TemporaryFile(dir=self._folder, buffering=0) as file:
            return os.dup(file.fileno())

    def grant(self, spool: Spool) -> bool:
        """Lets a spool grow by up to GRANT_BYTES, at the cost of the oldest of finished commands."""
        growth = min(GRANT_BYTES, self._limits.per_command - spool.granted_bytes)
        if growth <= 0:
            return False
        while self.total_bytes + growth > self._limits.total or self._free_bytes() < growth:
            oldest = next((other for other in self._spools if other.finished and other.granted_bytes), None)
            if oldest is None:
                return False
            oldest.release()
        spool.granted_bytes += growth
        return True

    def forget(self, spool: Spool) -> None:
        if spool in self._spools:
            self._spools.remove(spool)

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize - self._limits.reserve


@dataclass
class SpoolFile:
    """One stream's output from its beginning. `stopped`: a quota or the disk allowed no more; `failed`: what
    was to be written is lost, so nothing may follow it."""

    descriptor: int
    size: int = 0
    stopped: bool = False
    failed: bool = False
    pending: list[bytes] = field(default_factory=list)
    pending_bytes: int = 0
    writing: asyncio.Task[None] | None = None


@dataclass
class Spool:
    """The output of one command, one file per stream."""

    _spools: Spools
    granted_bytes: int = 0
    finished: bool = False
    _used_bytes: int = 0
    _files: dict[str, SpoolFile] = field(default_factory=dict)

    def open(self, stream: str) -> None:
        """Begins a stream. Where no file can be made, nothing is kept of it."""
        try:
            self._files[stream] = SpoolFile(self._spools.make_file())
        except OSError:
            self._files[stream] = SpoolFile(-1, stopped=True)

    def has(self, stream: str) -> bool:
        return stream in self._files

    async def write(self, stream: str, data: bytes) -> None:
        """Appends, until a quota or the disk is full; from then on the stream's file stays as it is."""
        file = self._files[stream]
        if file.stopped:
            return
        while self._used_bytes + len(data) > self.granted_bytes:
            if not self._spools.grant(self):
                data = data[: self.granted_bytes - self._used_bytes]
                file.stopped = True
                break
        self._used_bytes += len(data)
        file.pending.append(data)
        file.pending_bytes += len(data)
        if file.pending_bytes >= WRITE_BYTES or len(file.pending) >= VECTORS_MAX:
            # While it is written the next pieces are read; there are never more than these two.
            if file.writing is not None:
                await file.writing
            file.writing = asyncio.create_task(_flush(file))

    async def finish(self) -> None:
        """Nothing more comes: from now on it may be removed for others."""
        for file in self._files.values():
            if file.writing is not None:
                await file.writing
            await _flush(file)
        self.finished = True

    def size(self, stream: str) -> int:
        """How many bytes there are, from the stream's first."""
        return self._files[stream].size if stream in self._files else 0

    def duplicate(self, stream: str) -> int:
        """A descriptor to read from that stays good when the spool is released; the caller closes it."""
        return os.dup(self._files[stream].descriptor)

    def release(self) -> None:
        """Gives the disk back."""
        for file in self._files.values():
            if file.descriptor >= 0:
                os.close(file.descriptor)
        self._files.clear()
        self.granted_bytes = 0
        self._spools.forget(self)


async def _flush(file: SpoolFile) -> None:
    pending, file.pending = file.pending, []
    size, file.pending_bytes = file.pending_bytes, 0
    if file.failed or not pending:
        return
    try:
        # A busy disk lets writers wait; the gateway must not.
        await asyncio.to_thread(_write_all, file.descriptor, pending)
        file.size += size
    except OSError:
        file.stopped = file.failed = True


def _write_all(descriptor: int, pieces: list[bytes]) -> None:
    for start in range(0, len(pieces), VECTORS_MAX):
        some = pieces[start : start + VECTORS_MAX]
        written = os.writev(descriptor, some)
        if written < sum(map(len, some)):
            rest = memoryview(b"".join(some))[written:]
            while rest:
                rest = rest[os.write(descriptor, rest) :]
