"""The first and the last part of a stream of bytes, in bounded memory."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

SEARCH_STEPS = 12
# Smaller pieces are put together: each object costs memory of its own.
SMALL_PIECE_BYTES = 16 * 1024


@dataclass(frozen=True)
class Shown:
    """What an answer shows of a stream; `cut` when that is not all of it."""

    text: str
    cut: bool


class HeadAndTail:
    """Keeps at most `head_bytes` from the beginning and `tail_bytes` from the end."""

    def __init__(self, head_bytes: int, tail_bytes: int) -> None:
        self._head_bytes = head_bytes
        self._tail_bytes = tail_bytes
        self._head = bytearray()
        self._tail: deque[bytes | bytearray] = deque()
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
        last = self._tail[-1] if self._tail else b""
        if isinstance(last, bytearray) and len(last) < SMALL_PIECE_BYTES:
            last += received
        else:
            self._tail.append(bytearray(received) if len(received) < SMALL_PIECE_BYTES else received)
        self._tail_size += len(received)
        while self._tail_size - len(self._tail[0]) >= self._tail_bytes:
            self._tail_size -= len(self._tail.popleft())

    @property
    def truncated(self) -> bool:
        return self.total_bytes > self._head_bytes + self._tail_bytes

    @property
    def head_bytes(self) -> int:
        """How much of the beginning is kept without a gap."""
        return len(self._head)

    def would_truncate(self, more_bytes: int) -> bool:
        """Whether that many more bytes are more than is kept."""
        return self.total_bytes + more_bytes > self._head_bytes + self._tail_bytes

    def kept(self) -> tuple[bytes, bytes]:
        """The first and the last part. Together they are everything, unless `truncated`."""
        tail = b"".join(self._tail)
        return bytes(self._head), tail[-self._tail_bytes :] if self.truncated else tail

    @property
    def kept_bytes(self) -> int:
        """What the parts need in memory."""
        return len(self._head) + self._tail_size

    def text(self) -> str:
        """The kept parts as text; bytes that are no UTF-8 become U+FFFD. A line tells what is left out."""
        head, tail = self.kept()
        if not self.truncated:
            return (head + tail).decode("utf-8", "replace")
        return self._joined(head, tail)

    def shown(self, json_bytes_max: int) -> Shown:
        """As `text`, but never longer than `json_bytes_max` as JSON, where a byte may need six."""
        text = self.text()
        if json_size(text) <= json_bytes_max:
            return Shown(text, self.truncated)
        head, tail = self.kept()
        if not self.truncated:
            whole = head + tail
            head, tail = whole, whole
        # The line between the parts, and characters that only appear where the cuts are.
        part_max = (json_bytes_max - 80) // 2
        head_bytes = _longest(len(head), lambda size: json_size(_decoded(head[:size])) <= part_max)
        tail_bytes = _longest(
            len(tail), lambda size: json_size(_decoded(tail[len(tail) - size :])) <= part_max
        )
        return Shown(self._joined(head[:head_bytes], tail[len(tail) - tail_bytes :]), True)

    def _joined(self, head: bytes, tail: bytes) -> str:
        head, _ = split_at_character(head)
        tail = _without_cut_start(tail)
        left_out = self.total_bytes - len(head) - len(tail)
        return f"{_decoded(head)}\n[... {left_out} bytes left out ...]\n{_decoded(tail)}"


def json_size(text: str) -> int:
    """How many bytes a text has in a JSON answer."""
    return len(json.dumps(text, ensure_ascii=False).encode())


def split_at_character(text: bytes) -> tuple[bytes, bytes]:
    """The text up to its last whole character, and the beginning of one whose end is cut off."""
    for back in range(1, min(4, len(text)) + 1):
        byte = text[-back]
        if byte & 0b1100_0000 != 0b1000_0000:
            length = 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return (text[:-back], text[-back:]) if length > back else (text, b"")
    return text, b""


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _longest(size: int, fits: Callable[[int], bool]) -> int:
    """The largest size that fits, to within a small part of it, when smaller ones fit too."""
    low, high = 0, size
    for _ in range(SEARCH_STEPS):
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _without_cut_start(text: bytes) -> bytes:
    """Without the end of a character whose beginning was cut off."""
    start = 0
    while start < min(3, len(text)) and text[start] & 0b1100_0000 == 0b1000_0000:
        start += 1
    return text[start:]
