"""Reading a pipe without blocking the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os

READ_BYTES = 256 * 1024
PIPE_BYTES = 1024 * 1024


class ReadablePipe:
    """A pipe whose reading end is ours. `write_fd` is for the program and is to be closed after its start."""

    def __init__(self) -> None:
        self._read_fd, self.write_fd = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._read_fd, False)
        self._no_more = False
        self._waiting: asyncio.Future[None] | None = None
        # A large pipe saves switches between writer and reader. The kernel may refuse it to a user who
        # has many; the default size then serves.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._read_fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""
        while True:
            try:
                received = os.read(self._read_fd, READ_BYTES)
            except BlockingIOError:
                if self._no_more:
                    return b""
                await self._wait_readable()
                continue
            # A writer that is always ahead must not keep the loop to itself.
            await asyncio.sleep(0)
            return received

    def expect_no_more(self) -> None:
        """Makes `read` end once the pipe is empty, even if somebody still holds its other end."""
        self._no_more = True
        if self._waiting is not None:
            _wake(self._waiting)

    async def _wait_readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        loop.add_reader(self._read_fd, _wake, self._waiting)
        try:
            await self._waiting
        finally:
            loop.remove_reader(self._read_fd)
            self._waiting = None

    def close_write_end(self) -> None:
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def close(self) -> None:
        self.close_write_end()
        os.close(self._read_fd)


def _wake(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
