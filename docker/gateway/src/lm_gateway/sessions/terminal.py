"""Our end of a pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import termios

from lm_gateway.bash.pipe import write_all

READ_BYTES = 64 * 1024


class Terminal:
    """A pseudo-terminal. `program_fd` is for the program and is to be closed after its start."""

    def __init__(self, columns: int, rows: int) -> None:
        self._fd, self.program_fd = os.openpty()
        os.set_blocking(self._fd, False)
        self._one_at_a_time = asyncio.Lock()
        self._reading: asyncio.Future[None] | None = None
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        """Tells the program, by SIGWINCH, that its window has another size."""
        self.columns, self.rows = columns, rows
        if self._fd >= 0:
            fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal to the program in the foreground, where there is one."""
        with contextlib.suppress(OSError):
            group = os.tcgetpgrp(self._fd)
            if group > 1:
                os.killpg(group, number)

    async def read(self) -> bytes:
        """The next bytes; empty when no program has the terminal any more, or it was closed."""
        loop = asyncio.get_running_loop()
        while self._fd >= 0:
            try:
                return os.read(self._fd, READ_BYTES)
            except BlockingIOError:
                self._reading = loop.create_future()
                loop.add_reader(self._fd, _wake, self._reading)
                await self._reading
                if self._fd >= 0:
                    loop.remove_reader(self._fd)
            except OSError:
                # EIO: nobody holds the other end.
                return b""
        return b""

    async def write(self, data: bytes) -> None:
        """Types; returns when the program's terminal has taken it. Raises BrokenPipeError when closed."""
        async with self._one_at_a_time:
            try:
                await write_all(lambda: self._fd, data)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise BrokenPipeError from error

    def close_program_end(self) -> None:
        if self.program_fd >= 0:
            os.close(self.program_fd)
            self.program_fd = -1

    def close(self) -> None:
        """Hangs up: the program gets SIGHUP."""
        self.close_program_end()
        if self._fd >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._fd)
            loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = -1
        if self._reading is not None:
            _wake(self._reading)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
