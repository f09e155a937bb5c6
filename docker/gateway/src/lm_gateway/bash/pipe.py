"""Reading a pipe without blocking the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Collection
from typing import Any

# Larger pieces would leave the processor's cache before they are looked at.
READ_BYTES = 64 * 1024
# What one pipe may read before the others have their turn: about a quarter of a millisecond.
TURN_READS = 16
PIPE_BYTES = 1024 * 1024


class ReadablePipe:
    """A pipe whose reading end is ours. `write_fd` is for the program and is to be closed after its start."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.read_fd, False)
        # A large pipe saves switches between writer and reader. The kernel may refuse it to a user who
        # has many; the default size then serves.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.read_fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def read(self) -> list[bytes] | None:
        """What is there, but not more than a turn; none at the end, None when there is nothing yet."""
        pieces: list[bytes] = []
        for _ in range(TURN_READS):
            try:
                received = os.read(self.read_fd, READ_BYTES)
            except BlockingIOError:
                return pieces or None
            if not received:
                break
            pieces.append(received)
        return pieces

    def close_write_end(self) -> None:
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def close(self) -> None:
        self.close_write_end()
        os.close(self.read_fd)


async def readable_or_done(pipes: Collection[ReadablePipe], done: asyncio.Future[Any]) -> None:
    """Returns when one of the pipes can be read or is at its end, or `done` is."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[None] = loop.create_future()

    def wake(_: object = None) -> None:
        if not waiting.done():
            waiting.set_result(None)

    for pipe in pipes:
        loop.add_reader(pipe.read_fd, wake)
    done.add_done_callback(wake)
    try:
        await waiting
    finally:
        done.remove_done_callback(wake)
        for pipe in pipes:
            loop.remove_reader(pipe.read_fd)


class WritablePipe:
    """A pipe whose writing end is ours. `read_fd` is for the program and is to be closed after its start."""

    def __init__(self) -> None:
        self.read_fd, self._write_fd = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._write_fd, False)
        self._one_at_a_time = asyncio.Lock()

    @property
    def closed(self) -> bool:
        return self._write_fd < 0

    async def write(self, data: bytes) -> None:
        """Returns when everything is in the pipe; raises BrokenPipeError when nobody reads any more."""
        async with self._one_at_a_time:
            await write_all(lambda: self._write_fd, data)

    def close_read_end(self) -> None:
        if self.read_fd >= 0:
            os.close(self.read_fd)
            self.read_fd = -1

    def close(self) -> None:
        """The reader then comes to the end of its input."""
        self.close_read_end()
        if self._write_fd >= 0:
            # Whoever waits for room must not wait on a number that is soon somebody else's.
            asyncio.get_running_loop().remove_writer(self._write_fd)
            os.close(self._write_fd)
            self._write_fd = -1


WRITE_AGAIN_S = 1.0


async def write_all(descriptor: Callable[[], int], data: bytes) -> None:
    """Writes to a descriptor that does not block, waiting for room; it may be closed (-1) meanwhile."""
    loop = asyncio.get_running_loop()
    rest = memoryview(data)
    while rest:
        current = descriptor()
        if current < 0:
            raise BrokenPipeError
        try:
            rest = rest[os.write(current, rest) :]
        except BlockingIOError:
            writable: asyncio.Future[None] = loop.create_future()
            loop.add_writer(current, _wake, writable)
            try:
                # Closing the descriptor ends the watch without a word: look again now and then.
                await asyncio.wait([writable], timeout=WRITE_AGAIN_S)
            finally:
                if descriptor() == current:
                    loop.remove_writer(current)


def _wake(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
