"""What is told of an entry of the file system."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime

from lm_gateway.files.models import Entry, EntryType

TYPES: dict[int, EntryType] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def describe(folder: int, name: bytes) -> Entry | None:
    """One name of an open folder; None for what has gone since it was listed."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        kind = entry_type(status)
        target = os.readlink(name, dir_fd=folder) if kind == "symlink" else None
    except OSError:
        return None
    shown = name.decode("utf-8", "backslashreplace")
    return Entry(
        name=shown,
        type=kind,
        size_bytes=status.st_size if kind == "file" else None,
        modified_at=modified_at(status),
        mode=mode_of(status),
        target=None if target is None else target.decode("utf-8", "backslashreplace"),
        etag=etag(status) if kind == "file" else None,
        exact=shown.encode() == name,
    )


def entry_type(status: os.stat_result) -> EntryType:
    return TYPES[stat.S_IFMT(status.st_mode)]


def mode_of(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"


def modified_at(status: os.stat_result) -> str:
    return datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="milliseconds")


def etag(status: os.stat_result) -> str:
    """A strong entity tag. The time of the last change, which nobody can set, is in steps of the kernel's
    clock (up to 4 ms): a command that changes a file twice within one step, keeping its size, is seen
    once. A file that is written over the gateway is always a new one."""
    return f'"{status.st_ino:x}-{status.st_size:x}-{status.st_ctime_ns:x}"'
