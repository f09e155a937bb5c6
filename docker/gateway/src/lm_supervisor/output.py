"""What the parts write: prefixed line by line for the container's log, and its end kept."""

from __future__ import annotations

from collections.abc import Callable

KEPT_BYTES = 4096
LONGEST_LINE_BYTES = 8192


class OutputTail:
    """The last KEPT_BYTES of a stream of bytes."""

    def __init__(self) -> None:
        self._kept = b""

    def add(self, received: bytes) -> None:
        self._kept = (self._kept + received)[-KEPT_BYTES:]

    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


class LinePrefixer:
    """Cuts a stream into lines and writes each with a prefix. Overlong lines are cut into pieces."""

    def __init__(self, prefix: str, write: Callable[[bytes], None]) -> None:
        self._prefix = f"[{prefix}] ".encode()
        self._write = write
        self._unfinished = b""

    def add(self, received: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + received).split(b"\n")
        while len(self._unfinished) > LONGEST_LINE_BYTES:
            lines.append(self._unfinished[:LONGEST_LINE_BYTES])
            self._unfinished = self._unfinished[LONGEST_LINE_BYTES:]
        if lines:
            self._write(b"".join(self._prefix + line.rstrip(b"\r") + b"\n" for line in lines))

    def flush(self) -> None:
        """Writes what came after the last line end."""
        if self._unfinished:
            self.add(b"\n")
