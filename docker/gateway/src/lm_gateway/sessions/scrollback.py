"""The last bytes of a terminal, by their place in all that it ever wrote."""

from __future__ import annotations

from collections import deque


class Scrollback:
    """Keeps the newest `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._pieces: deque[bytearray] = deque()
        self._start = 0
        #: The place behind the last byte.
        self.end = 0

    @property
    def start(self) -> int:
        """The place of the first byte that is still there."""
        return max(self._start, self.end - self.max_bytes)

    def add(self, data: bytes) -> None:
        """Appends, and drops the oldest."""
        if self._pieces and len(self._pieces[-1]) + len(data) <= PIECE_BYTES:
            self._pieces[-1] += data
        else:
            self._pieces.append(bytearray(data))
        self.end += len(data)
        while self._pieces and self.end - self._start - len(self._pieces[0]) >= self.max_bytes:
            self._start += len(self._pieces.popleft())

    def read(self, position: int) -> bytes:
        """The next bytes at a place, as many as come easily; empty at the end. A place before `start` is
        taken for `start`."""
        position = max(position, self.start)
        place = self._start
        for piece in self._pieces:
            if position < place + len(piece):
                return bytes(piece[position - place :])
            place += len(piece)
        return b""


PIECE_BYTES = 16 * 1024
