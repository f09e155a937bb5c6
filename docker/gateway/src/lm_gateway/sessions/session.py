"""A program on a terminal that people come to and leave."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from lm_gateway.commands.event_log import Signal
from lm_gateway.sessions.models import SessionStatus, StartSessionRequest
from lm_gateway.sessions.scrollback import Scrollback
from lm_gateway.sessions.terminal import READ_BYTES, Terminal
from lm_gateway.settings import SessionLimits
from lm_guard import GuardedProcess
from lm_guard.orphans import kill_orphans

READ_AFTER_END_S = 0.5


class Attachment:
    """One who looks on: where in the output they are."""

    def __init__(self, position: int) -> None:
        self.position = position


class Session:
    """A running session. Its terminal is read as fast as the slowest attachment takes it."""

    def __init__(
        self,
        process: GuardedProcess,
        terminal: Terminal,
        request: StartSessionRequest,
        *,
        cwd: str,
        limits: SessionLimits,
        hang_up_first: bool,
        known_guards: set[int],
        on_end: Callable[[Session], None],
    ) -> None:
        self.id = secrets.token_hex(8)
        self.request = request
        self.terminal = terminal
        self.exit_code: int | None = None
        self.ended = False
        #: Ends it when nobody uses it; kept here, because a task that nobody holds may vanish.
        self.watcher: asyncio.Task[None] | None = None
        self._process = process
        self._cwd = cwd
        self._limits = limits
        self._hang_up_first = hang_up_first
        self._known_guards = known_guards
        self._on_end = on_end
        self._scrollback = Scrollback(limits.scrollback_bytes)
        self._attachments: set[Attachment] = set()
        self._changed = Signal()
        self._started_at = datetime.now(UTC)
        self._started = self._last_active = time.monotonic()
        self._running = asyncio.create_task(self._run())

    # ---- for those who attach ----

    def attach(self) -> Attachment:
        """Begins with the scrollback. Hand it to `detach`."""
        attachment = Attachment(self._scrollback.start)
        self._attachments.add(attachment)
        return attachment

    def detach(self, attachment: Attachment) -> None:
        self._attachments.discard(attachment)
        self._last_active = time.monotonic()
        self._changed.notify()

    async def output(self, attachment: Attachment) -> bytes:
        """The next bytes for an attachment; empty when the session has ended. Only the call for the next
        ones tells that these have been taken, and lets the terminal be read on."""
        while True:
            if data := self._scrollback.read(attachment.position):
                return data
            if self.ended:
                return b""
            await self._changed.wait()

    def taken(self, attachment: Attachment, count: int) -> None:
        """An attachment has so many bytes more."""
        attachment.position += count
        self._changed.notify()

    async def write(self, data: bytes) -> None:
        """Types into the terminal. Raises BrokenPipeError when the session has ended."""
        self._last_active = time.monotonic()
        await self.terminal.write(data)

    # ---- for those who manage it ----

    async def wait_ended(self) -> None:
        """Returns when it has ended."""
        await asyncio.wait([self._running])

    @property
    def idle_s(self) -> float:
        """Seconds since the last byte in either direction."""
        return time.monotonic() - self._last_active

    @property
    def attached(self) -> int:
        return len(self._attachments)

    @property
    def duration_ms(self) -> int:
        return round((time.monotonic() - self._started) * 1000)

    async def end(self) -> None:
        """Hangs up, ends everything the session has started, and returns when nothing is left."""
        # The one who has the terminal is bubblewrap where there is one: it would end, and all inside with it,
        # before a shell could write its history. There the guard hangs up what is inside.
        if self._hang_up_first:
            self.terminal.close()
        self._process.terminate()
        await asyncio.wait([self._running])

    def status(self) -> SessionStatus:
        """Its state now."""
        return SessionStatus(
            id=self.id,
            state="exited" if self.ended else "running",
            pid=self._process.pid,
            command=self.request.command,
            cwd=self._cwd,
            columns=self.terminal.columns,
            rows=self.terminal.rows,
            started_at=self._started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            idle_s=round(self.idle_s, 3),
            attached=self.attached,
            output_bytes=self._scrollback.end,
            exit_code=self.exit_code,
        )

    # ---- running it ----

    async def _run(self) -> None:
        reading = asyncio.create_task(self._read())
        try:
            if not await self._process.finished:
                # A program can kill its guard; what it started then comes back to this process.
                kill_orphans(self._known_guards)
            # Everything has been written; what is not read by now waits for a slow attachment.
            await asyncio.wait([reading], timeout=None if self.attached else READ_AFTER_END_S)
        finally:
            reading.cancel()
            self.terminal.close()
            end = self._process.ended.result()
            self.exit_code = end.code if end.signal is None else 128 + end.signal
            self.ended = True
            self._changed.notify()
            self._on_end(self)

    async def _read(self) -> None:
        while True:
            while self._behind() + READ_BYTES > self._limits.scrollback_bytes:
                await self._changed.wait()
            data = await self.terminal.read()
            if not data:
                return
            self._last_active = time.monotonic()
            self._scrollback.add(data)
            self._changed.notify()
            # A program that always writes must not keep the loop to itself.
            await asyncio.sleep(0)

    def _behind(self) -> int:
        """How far the slowest attachment is behind."""
        slowest = min((attachment.position for attachment in self._attachments), default=self._scrollback.end)
        return self._scrollback.end - slowest
