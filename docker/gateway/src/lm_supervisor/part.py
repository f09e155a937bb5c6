"""One supervised part: started, watched until it answers, started again when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from lm_guard import GuardedProcess, GuardOptions, ProcessEnd, StartFailed
from lm_guard.orphans import kill_orphans
from lm_supervisor.backoff import failures_in_a_row
from lm_supervisor.output import LinePrefixer, OutputTail
from lm_supervisor.probe import answers
from lm_supervisor.settings import PartSettings
from lm_supervisor.status import LastExit, PartState, PartStatus, timestamp

PROBE_PAUSE_S = 0.1
PROBE_PAUSE_LONGEST_S = 1.0
LISTEN_FD = 4
READ_BYTES = 65536


class Part:
    """Runs one part for as long as `run` is awaited; cancel it to stop the part."""

    def __init__(
        self,
        settings: PartSettings,
        *,
        guard_path: str,
        known_guards: set[int],
        listener: socket.socket,
        write_log: Callable[[bytes], None],
    ) -> None:
        self.settings = settings
        self._guard_path = guard_path
        self._known_guards = known_guards
        self._listener = listener
        self._write_log = write_log
        self._tail = OutputTail()
        self._process: GuardedProcess | None = None
        self._state = PartState.STARTING if settings.enabled else PartState.DISABLED
        self._since = timestamp()
        self._restarts = 0
        self._last_exit: LastExit | None = None
        self._last_error: str | None = None
        self._retry_at: datetime | None = None

    def status(self) -> PartStatus:
        """The state of the part now."""
        status = PartStatus(
            state=self._state,
            pid=self._process.pid if self._process else None,
            restarts=self._restarts,
            since=self._since,
            last_exit=self._last_exit,
            last_error=self._last_error,
            last_output=self._tail.text(),
        )
        if self._retry_at is not None:
            status["retry_at"] = timestamp(self._retry_at)
        return status

    async def run(self) -> None:
        """Keeps the part running until cancelled; then ends it and everything it started."""
        if not self.settings.enabled:
            return
        failures = 0
        while True:
            started_at = time.monotonic()
            await self._run_once()
            failures = failures_in_a_row(failures, time.monotonic() - started_at)
            wait_s = self.settings.backoff.wait_s(failures)
            self._retry_at = datetime.now(UTC) + timedelta(seconds=wait_s)
            self._change(PartState.BACKING_OFF)
            self._say(f"{self._last_error}; next start in {wait_s:g} s")
            await asyncio.sleep(wait_s)
            self._retry_at = None
            self._restarts += 1

    async def _run_once(self) -> None:
        self._change(PartState.STARTING)
        read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
        try:
            self._process = await self._start(write_fd)
        except StartFailed as error:
            os.close(read_fd)
            self._record_end(ProcessEnd(code=127, signal=None), str(error))
            return
        finally:
            os.close(write_fd)
        reading = asyncio.create_task(self._read_output(read_fd))
        probing = asyncio.create_task(self._wait_until_ready())
        try:
            end = await asyncio.shield(self._process.ended)
            self._record_end(end, None)
            if not await asyncio.shield(self._process.finished) and os.getpid() != 1:
                # As process 1 we also get what terminals leave behind: not ours to end.
                kill_orphans(self._known_guards)
        except asyncio.CancelledError:
            self._change(PartState.STOPPING)
            self._process.terminate()
            await self._process.finished
            raise
        finally:
            probing.cancel()
            self._process = None
            await reading

    async def _start(self, output_fd: int) -> GuardedProcess:
        settings = self.settings
        secret_fd = (
            _pipe_with(settings.secret) if settings.secret is not None else os.open(os.devnull, os.O_RDONLY)
        )
        descriptors = {0: secret_fd, 1: output_fd, 2: output_fd}
        if settings.listen:
            descriptors[LISTEN_FD] = self._listener.fileno()
        try:
            return await GuardedProcess.start(
                settings.arguments,
                environment=settings.environment,
                descriptors=descriptors,
                options=GuardOptions(
                    nice=settings.nice, oom_score_adj=settings.oom_score_adj, guard_path=self._guard_path
                ),
                known_guards=self._known_guards,
            )
        finally:
            os.close(secret_fd)

    async def _read_output(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READ_BYTES)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )
        lines = LinePrefixer(self.settings.name, self._write_log)
        while received := await reader.read(READ_BYTES):
            self._tail.add(received)
            lines.add(received)
        lines.flush()
        transport.close()

    async def _wait_until_ready(self) -> None:
        pause_s = PROBE_PAUSE_S
        while not await answers(self.settings.probe):
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, PROBE_PAUSE_LONGEST_S)
        self._change(PartState.READY)

    def _record_end(self, end: ProcessEnd, error: str | None) -> None:
        name = signal.Signals(end.signal).name if end.signal is not None else None
        self._last_exit = LastExit(code=end.code, signal=name, at=timestamp())
        ended = f"ended by {name}" if name else f"ended with exit code {end.code}"
        if end.code is None and end.signal is None:
            ended = "ended because its guard was killed"
        self._last_error = error or ended
        self._change(PartState.CRASHED)

    def _change(self, state: PartState) -> None:
        self._state = state
        self._since = timestamp()

    def _say(self, text: str) -> None:
        self._write_log(f"[supervisor] {self.settings.name} {text}\n".encode())


def _pipe_with(secret: str) -> int:
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    with contextlib.closing(os.fdopen(write_fd, "w")) as writer:
        writer.write(secret)
    return read_fd
