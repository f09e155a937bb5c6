"""The supervisor: all parts together, the status socket, the signals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable

from lm_guard.orphans import become_subreaper
from lm_supervisor.part import Part
from lm_supervisor.settings import SupervisorSettings
from lm_supervisor.status import SupervisorStatus, timestamp

LISTEN_BACKLOG = 1024
REAP_AGAIN_S = 0.2


def listen(address: tuple[str, int]) -> socket.socket:
    """Binds the gateway's port. The supervisor keeps it while the gateway restarts: callers then wait
    instead of being refused, and nothing else in the container can take the port and collect tokens."""
    listener = socket.create_server(address, backlog=LISTEN_BACKLOG)
    listener.setblocking(False)
    return listener


class Supervisor:
    """Runs the parts until it is told to stop."""

    def __init__(
        self, settings: SupervisorSettings, listener: socket.socket, write_log: Callable[[bytes], None]
    ) -> None:
        known_guards: set[int] = set()
        self._settings = settings
        self._write_log = write_log
        self._known_guards = known_guards
        self._started_at = timestamp()
        self._stop = asyncio.Event()
        self._parts = [
            Part(
                part,
                guard_path=settings.guard_path,
                known_guards=known_guards,
                listener=listener,
                write_log=write_log,
            )
            for part in settings.parts
        ]

    def status(self) -> SupervisorStatus:
        """The state of everything now."""
        return SupervisorStatus(
            started_at=self._started_at, parts={part.settings.name: part.status() for part in self._parts}
        )

    def stop(self) -> None:
        """Ends all parts; `run` then returns."""
        self._stop.set()

    async def run(self) -> None:
        """Runs until `stop` is called or SIGTERM or SIGINT arrives."""
        loop = asyncio.get_running_loop()
        become_subreaper()
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGINT, self.stop)
        loop.add_signal_handler(signal.SIGCHLD, self._reap_strangers)
        path = self._settings.socket_path
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._tell, path)
        path.chmod(0o600)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(part.run(), name=part.settings.name) for part in self._parts]
                await self._stop.wait()
                self._write_log(b"[supervisor] stopping\n")
                for task in tasks:
                    task.cancel()
        finally:
            server.close()
            path.unlink(missing_ok=True)

    async def _tell(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(json.dumps(self.status()).encode() + b"\n")
            await writer.drain()
            writer.close()

    def _reap_strangers(self) -> None:
        """Collects dead processes that were left to us, but no guard: its owner does that."""
        with contextlib.suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if found.si_pid in self._known_guards:
                    # Whatever died behind it gets no signal of its own: look again.
                    asyncio.get_running_loop().call_later(REAP_AGAIN_S, self._reap_strangers)
                    return
                os.waitpid(found.si_pid, 0)


def write_to_stdout(data: bytes) -> None:
    """Writes to the container's log at once."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
