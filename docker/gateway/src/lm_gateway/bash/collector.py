"""The first and the last part of a stream of bytes, in bounded memory."""

from __future__ import annotations

from collections import deque


class HeadAndTail:
    """Keeps at most `head_bytes` from the beginning and `tail_bytes` from the end."""

    def __init__(self, head_bytes: int, tail_bytes: int) -> None:
        self._head_bytes = head_bytes
        self._tail_bytes = tail_bytes
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        #: How many bytes came in all.
        self.total_bytes = 0

    def add(self, received: bytes) -> None:
        """Takes the next piece."""
        self.total_bytes += len(received)
        room = self._head_bytes - len(self._head)
        if room > 0:
            self._head += received[:room]
            received = received[room:]
        if not received:
            return
        received = received[-self._tail_bytes :]
        self._tail.append(received)
        self._tail_size += len(received)
        while self._tail_size - len(self._tail[0]) >= self._tail_bytes:
            self._tail_size -= len(self._tail.popleft())

    @property
    def truncated(self) -> bool:
        return self.total_bytes > self._head_bytes + self._tail_bytes

    def text(self) -> str:
        """The kept parts as text; bytes that are no UTF-8 become U+FFFD. A line tells what is left out."""
        tail = b"".join(self._tail)
        if not self.truncated:
            return (bytes(self._head) + tail).decode("utf-8", "replace")
        head = _without_cut_end(bytes(self._head))
        tail = _without_cut_start(tail[-self._tail_bytes :])
        left_out = self.total_bytes - len(head) - len(tail)
        return (
            head.decode("utf-8", "replace")
            + f"\n[... {left_out} bytes left out ...]\n"
            + tail.decode("utf-8", "replace")
        )


def _without_cut_end(text: bytes) -> bytes:
    """Without the beginning of a character whose end was cut off."""
    for back in range(1, min(4, len(text)) + 1):
        byte = text[-back]
        if byte & 0b1100_0000 != 0b1000_0000:
            length = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return text[:-back] if length > back else text
    return text


def _without_cut_start(text: bytes) -> bytes:
    """Without the end of a character whose beginning was cut off."""
    start = 0
    while start < min(3, len(text)) and text[start] & 0b1100_0000 == 0b1000_0000:
        start += 1
    return text[start:]
