"""One command from its start until it is forgotten: its output, its events, its result."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from lm_gateway.bash.collector import HeadAndTail, json_size
from lm_gateway.bash.models import RunBashAnswer, RunBashRequest
from lm_gateway.bash.runner import Command, CommandEnd, Stream
from lm_gateway.bash.spool import Spool, Spools
from lm_gateway.commands.event_log import EventLog
from lm_gateway.commands.models import CommandStatus
from lm_gateway.settings import CommandLimits

# Room in an answer for everything but the two texts.
ANSWER_FRAME_BYTES = 2048


class Job:
    """A started command. It is followed from the beginning, whether anybody listens or not."""

    def __init__(
        self,
        command: Command,
        request: RunBashRequest,
        *,
        number: int,
        cwd: str,
        background: bool,
        limits: CommandLimits,
        spools: Spools,
        on_end: Callable[[Job], None],
    ) -> None:
        self.id = secrets.token_hex(8)
        #: Rises from one to the next; the id tells nothing.
        self.number = number
        self.request = request
        self.background = background
        self.command = command
        self.log = EventLog(limits.events_bytes)
        self.end: CommandEnd | None = None
        self._cwd = cwd
        self._limits = limits
        self._spools = spools
        self._spool: Spool | None = None
        self._on_end = on_end
        self._started_at = datetime.now(UTC)
        self._started = time.monotonic()
        self._listeners = 0
        self._unwanted = False
        self._kept = {
            Stream.STDOUT: HeadAndTail(limits.output_head_bytes, limits.output_tail_bytes),
            Stream.STDERR: HeadAndTail(limits.error_head_bytes, limits.error_tail_bytes),
        }
        self.log.add("start", {"pid": command.process.pid, "id": self.id})
        self._following = asyncio.create_task(self._follow())

    # ---- for those who wait for it ----

    def attach(self) -> None:
        """Somebody waits for this command; `detach` ends that."""
        self._listeners += 1

    async def detach(self) -> None:
        """When nobody waits any more the command is ended, unless it was started to go on by itself: in the
        background, or with a request id, under which its caller may ask again."""
        self._listeners -= 1
        if self._listeners == 0 and not self.background and self.request.request_id is None:
            await self.cancel()

    async def cancel(self) -> None:
        """Ends the command, whose output nobody wants any more, and returns when nothing of it is left."""
        self._unwanted = True
        await self.terminate(at_once=False)

    async def terminate(self, *, at_once: bool) -> None:
        """Ends the command, gently unless `at_once`; its last output is still kept."""
        process = self.command.process
        process.kill() if at_once else process.terminate()
        await asyncio.wait([self._following])

    async def finished(self) -> None:
        """Returns when the command has ended; raises what its following raised."""
        await asyncio.shield(self._following)

    # ---- what is known of it ----

    def answer(self, *, replayed: bool) -> RunBashAnswer:
        """The result of an ended command, never longer than an answer may be."""
        assert self.end is not None
        output, error = self._kept[Stream.STDOUT], self._kept[Stream.STDERR]
        room = self._limits.answer_max_bytes - ANSWER_FRAME_BYTES
        shown_error = error.shown(room // 4)
        shown_output = output.shown(room - json_size(shown_error.text))
        return RunBashAnswer(
            output=shown_output.text,
            error=shown_error.text,
            exit_code=self.end.exit_code,
            duration_ms=self.end.duration_ms,
            timed_out=self.end.timed_out,
            truncated=shown_output.cut or shown_error.cut,
            output_bytes=output.total_bytes,
            error_bytes=error.total_bytes,
            id=self.id,
            replayed=replayed,
        )

    def status(self) -> CommandStatus:
        """Its state now."""
        end = self.end
        return CommandStatus(
            id=self.id,
            state="running" if end is None else "exited",
            pid=self.command.process.pid,
            cmd=self.request.cmd,
            cwd=self._cwd,
            request_id=self.request.request_id,
            background=self.background,
            stdin_open=self.command.stdin is not None and not self.command.stdin.closed,
            started_at=self._started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            duration_ms=round((time.monotonic() - self._started) * 1000) if end is None else end.duration_ms,
            exit_code=None if end is None else end.exit_code,
            timed_out=end is not None and end.timed_out,
            output_bytes=self._kept[Stream.STDOUT].total_bytes,
            error_bytes=self._kept[Stream.STDERR].total_bytes,
            output_kept_bytes=self.output_size(Stream.STDOUT),
            error_kept_bytes=self.output_size(Stream.STDERR),
            last_seq=self.log.last_sequence,
        )

    def output_total(self, stream: Stream) -> int:
        """How many bytes the command has written."""
        return self._kept[stream].total_bytes

    def output_size(self, stream: Stream) -> int:
        """How many of them, from the first on, are to be had."""
        kept = self._kept[stream]
        if not kept.truncated:
            return kept.total_bytes
        return max(kept.head_bytes, 0 if self._spool is None else self._spool.size(stream))

    def open_output(self, stream: Stream) -> Callable[[int, int], bytes]:
        """A reader of (start, length); it stays good when the command is forgotten meanwhile."""
        kept = self._kept[stream]
        if self._spool is not None and self._spool.size(stream) > kept.head_bytes:
            return _SpoolReader(self._spool.duplicate(stream)).read
        head, tail = kept.kept()
        whole = head if kept.truncated else head + tail
        return lambda start, length: whole[start : start + length]

    @property
    def memory_bytes(self) -> int:
        """What it costs to remember it."""
        kept = sum(kept.kept_bytes for kept in self._kept.values())
        return kept + self.log.size_bytes + len(self.request.cmd) + len(self.request.stdin or "")

    def release(self) -> None:
        """Gives its space on the disk back."""
        if self._spool is not None:
            self._spool.release()

    # ---- following it ----

    async def _follow(self) -> None:
        try:
            await self.command.follow(self._take)
        finally:
            end = self.end = self.command.end
            if self._spool is not None:
                await self._spool.finish()
            self.log.close(
                "exit",
                {
                    "exit_code": end.exit_code,
                    "duration_ms": end.duration_ms,
                    "timed_out": end.timed_out,
                    "output_bytes": self.output_total(Stream.STDOUT),
                    "error_bytes": self.output_total(Stream.STDERR),
                },
            )
            self._on_end(self)

    async def _take(self, stream: Stream, pieces: list[bytes]) -> None:
        if self._unwanted:
            return
        kept = self._kept[stream]
        for piece in pieces:
            if kept.would_truncate(len(piece)):
                await self._keep_whole(stream, piece)
            kept.add(piece)
            self.log.add_output(stream.value, piece)
            if self.log.is_full:
                await self.log.room()

    async def _keep_whole(self, stream: Stream, received: bytes) -> None:
        """Goes on the disk from the moment that memory does not hold everything."""
        if self._spool is None:
            self._spool = self._spools.open()
        if not self._spool.has(stream):
            self._spool.open(stream)
            await self._spool.write(stream, b"".join(self._kept[stream].kept()))
        await self._spool.write(stream, received)


class _SpoolReader:
    """Reads a spooled stream; closes it when it is no longer used."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, start)

    def __del__(self) -> None:
        os.close(self._descriptor)
