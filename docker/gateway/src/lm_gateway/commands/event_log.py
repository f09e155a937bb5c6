"""What a command does, as numbered events in bounded memory, for any number of readers."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from pydantic import JsonValue

from lm_gateway.bash.collector import split_at_character
from lm_gateway.http.disconnect import Event

# What an event costs beside its text.
ENTRY_BYTES = 256


class Signal:
    """Wakes everybody who waits for the next change."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    async def wait(self) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

    def notify(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)


@dataclass(frozen=True, slots=True)
class _Entry:
    sequence: int
    kind: str
    fields: Event
    data: bytes | None

    def event(self) -> dict[str, JsonValue]:
        event: dict[str, JsonValue] = {"seq": self.sequence, "type": self.kind, **self.fields}
        if self.data is not None:
            event["text"] = self.data.decode("utf-8", "replace")
        return event


class EventLog:
    """Keeps the newest events, `max_bytes` of them. A reader that holds makes `room` wait instead."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: deque[_Entry] = deque()
        self._size = 0
        self._next = 0
        self._closed = False
        self._unfinished: dict[str, bytes] = {}
        self._offsets: dict[str, int] = {}
        self._holding: set[LogReader] = set()
        self._changed = Signal()

    @property
    def size_bytes(self) -> int:
        return self._size

    @property
    def last_sequence(self) -> int:
        """The number of the newest event, -1 before the first."""
        return self._next - 1

    def add(self, kind: str, fields: Event) -> None:
        """Appends an event."""
        self._append(_Entry(self._next, kind, fields, None), 0)

    def add_output(self, stream: str, data: bytes) -> None:
        """Appends a piece of output. A character that is cut at its end waits for the next piece."""
        before = self._unfinished.get(stream)
        whole, rest = split_at_character(before + data if before else data)
        self._unfinished[stream] = rest
        self._append_output(stream, whole)

    def close(self, kind: str, fields: Event) -> None:
        """Appends the last event; readers end behind it."""
        for stream, rest in self._unfinished.items():
            self._append_output(stream, rest)
        self._unfinished.clear()
        self.add(kind, fields)
        self._closed = True
        self._changed.notify()

    @property
    def is_full(self) -> bool:
        """Whether `room` may have to wait."""
        return self._size > self._max_bytes

    async def room(self) -> None:
        """Waits while a holding reader has not yet taken what would be dropped next."""
        while self._size > self._max_bytes and self._held_from() <= self._entries[0].sequence:
            await self._changed.wait()

    def read(self, after: int = -1, *, holding: bool = False) -> LogReader:
        """Reads the events behind number `after`. Close the reader."""
        reader = LogReader(self, after)
        if holding:
            self._holding.add(reader)
        return reader

    def release(self, reader: LogReader) -> None:
        self._holding.discard(reader)
        self._changed.notify()

    async def take(self, reader: LogReader) -> dict[str, JsonValue] | None:
        """The reader's next event; None at the end."""
        while True:
            first = self._next - len(self._entries)
            if reader.position + 1 < first:
                lost: dict[str, JsonValue] = {
                    "seq": first - 1,
                    "type": "truncated",
                    "first_seq": reader.position + 1,
                    "last_seq": first - 1,
                }
                reader.position = first - 1
                return lost
            if reader.position + 1 < self._next:
                entry = self._entries[reader.position + 1 - first]
                reader.position += 1
                if reader in self._holding:
                    self._drop()
                    self._changed.notify()
                return entry.event()
            if self._closed:
                return None
            await self._changed.wait()

    def _append_output(self, stream: str, data: bytes) -> None:
        if not data:
            return
        offset = self._offsets.get(stream, 0)
        self._offsets[stream] = offset + len(data)
        self._append(_Entry(self._next, stream, {"offset": offset}, data), len(data))

    def _append(self, entry: _Entry, size: int) -> None:
        self._entries.append(entry)
        self._size += ENTRY_BYTES + size
        self._next += 1
        self._drop()
        self._changed.notify()

    def _drop(self) -> None:
        held_from = self._held_from()
        while self._size > self._max_bytes and len(self._entries) > 1:
            oldest = self._entries[0]
            if oldest.sequence >= held_from:
                return
            self._entries.popleft()
            self._size -= ENTRY_BYTES + len(oldest.data or b"")

    def _held_from(self) -> int:
        """The first event that a holding reader still needs."""
        return min((reader.position + 1 for reader in self._holding), default=self._next)


class LogReader:
    """One reader's place in a log."""

    def __init__(self, log: EventLog, after: int) -> None:
        self._log = log
        self.position = after

    async def next(self) -> dict[str, JsonValue] | None:
        """The next event, when there is one; None at the end."""
        return await self._log.take(self)

    def close(self) -> None:
        self._log.release(self)
