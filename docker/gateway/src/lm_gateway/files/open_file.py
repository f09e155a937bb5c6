"""A file, open for reading."""

from __future__ import annotations

import os

from lm_gateway.files.describe import entry_type, etag
from lm_gateway.files.failures import conflict
from lm_gateway.files.paths import Names, show


class OpenFile:
    """A regular file, open for reading. It is this version even when another takes its name."""

    def __init__(self, names: Names, descriptor: int, status: os.stat_result) -> None:
        self.path = show(names)
        self.size_bytes = status.st_size
        self.modified_at = status.st_mtime
        self.etag = etag(status)
        self._file = os.fdopen(descriptor, "rb", buffering=0)

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes; fewer only at the end."""
        return os.pread(self._file.fileno(), size, offset)

    def close(self) -> None:
        self._file.close()


def require_file(names: Names, status: os.stat_result) -> None:
    """Raises CONFLICT for everything but a regular file."""
    kind = entry_type(status)
    if kind == "directory":
        raise conflict(names, "is a directory; GET /files/?path=… lists it", type=kind)
    if kind != "file":
        raise conflict(names, f"is a {kind}, which the gateway does not open", type=kind)
