"""The supervisor, with small real programs as its parts."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import processes
from lm_supervisor.backoff import Backoff, failures_in_a_row
from lm_supervisor.output import KEPT_BYTES, LinePrefixer, OutputTail
from lm_supervisor.settings import PartSettings, Probe, SupervisorSettings
from lm_supervisor.status import SupervisorStatus
from lm_supervisor.supervisor import Supervisor, listen

SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
print("listening on", sys.argv[1], flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def part(name: str, *arguments: str, port: int = 9, secret: str | None = None) -> PartSettings:
    return PartSettings(
        name=name,
        enabled=True,
        arguments=arguments,
        environment={"PATH": os.environ["PATH"]},
        probe=Probe(port, "/"),
        backoff=Backoff(first_s=0.05, cap_s=0.4),
        oom_score_adj=0,
        secret=secret,
    )


def server(name: str = "server") -> PartSettings:
    port = free_port()
    return part(name, sys.executable, "-u", "-c", SERVER, str(port), port=port)


class Running:
    """A running supervisor, seen from outside: its log and its socket."""

    def __init__(self, socket_path: Path, log: list[bytes], supervisor: Supervisor) -> None:
        self._socket_path = socket_path
        self._log = log
        self.supervisor = supervisor

    @property
    def log(self) -> str:
        return b"".join(self._log).decode()

    async def status(self) -> SupervisorStatus:
        reader, writer = await asyncio.open_unix_connection(self._socket_path)
        status: SupervisorStatus = json.loads(await reader.read())
        writer.close()
        await writer.wait_closed()
        return status

    async def until(self, name: str, state: str, restarts: int = 0) -> None:
        async with asyncio.timeout(15):
            while True:
                status = (await self.status())["parts"][name]
                if status["state"] == state and status["restarts"] >= restarts:
                    return
                await asyncio.sleep(0.01)


@asynccontextmanager
async def supervising(folder: Path, guard_path: str, *parts: PartSettings) -> AsyncIterator[Running]:
    log: list[bytes] = []
    settings = SupervisorSettings(
        parts=parts,
        folders=(),
        socket_path=folder / "supervisor.sock",
        listen_address=("127.0.0.1", 0),
        guard_path=guard_path,
        warnings=(),
    )
    with listen(settings.listen_address) as listener:
        supervisor = Supervisor(settings, listener, log.append)
        task = asyncio.create_task(supervisor.run())
        while not settings.socket_path.exists():
            await asyncio.sleep(0.005)
        try:
            yield Running(settings.socket_path, log, supervisor)
        finally:
            supervisor.stop()
            await task


async def test_a_part_is_starting_until_it_answers_and_then_ready(tmp_path: Path, guard_path: str) -> None:
    async with supervising(tmp_path, guard_path, server()) as running:
        await running.until("server", "ready")
        status = (await running.status())["parts"]["server"]
        assert status["pid"] in processes.with_argument("http.server")
        assert (status["restarts"], status["last_exit"], status["last_error"]) == (0, None, None)
        assert "[server] listening on" in running.log


async def test_a_killed_part_is_seen_and_started_again(tmp_path: Path, guard_path: str) -> None:
    async with supervising(tmp_path, guard_path, server()) as running:
        await running.until("server", "ready")
        first = (await running.status())["parts"]["server"]["pid"]
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await running.until("server", "ready", restarts=1)
        status = (await running.status())["parts"]["server"]
        assert status["pid"] != first
        assert status["last_exit"] is not None
        assert (status["last_exit"]["signal"], status["last_error"]) == ("SIGKILL", "ended by SIGKILL")


async def test_a_part_whose_guard_is_killed_is_started_again_once(tmp_path: Path, guard_path: str) -> None:
    async with supervising(tmp_path, guard_path, server("a"), server("b")) as running:
        await running.until("a", "ready")
        await running.until("b", "ready")
        status = await running.status()
        pid, other = status["parts"]["a"]["pid"], status["parts"]["b"]["pid"]
        guard = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(guard, signal.SIGKILL)
        await running.until("a", "ready", restarts=1)
        assert not Path(f"/proc/{pid}").exists()
        assert (await running.status())["parts"]["b"]["pid"] == other


async def test_a_part_that_cannot_stay_up_backs_off_and_shows_its_last_output(
    tmp_path: Path, guard_path: str
) -> None:
    broken = part("broken", "sh", "-c", "echo no model here; exit 3")
    async with supervising(tmp_path, guard_path, broken, server()) as running:
        await running.until("server", "ready")
        await running.until("broken", "backing-off", restarts=2)
        status = (await running.status())["parts"]["broken"]
        assert status["last_error"] == "ended with exit code 3"
        assert status["last_output"].splitlines()[-1] == "no model here"
        assert "retry_at" in status
        assert "[supervisor] broken ended with exit code 3; next start in 0.1 s" in running.log


async def test_a_program_that_is_not_installed_is_told_as_such(tmp_path: Path, guard_path: str) -> None:
    async with supervising(tmp_path, guard_path, part("absent", "no-such-program")) as running:
        await running.until("absent", "backing-off")
        status = (await running.status())["parts"]["absent"]
        assert status["last_error"] == "no-such-program: No such file or directory"


async def test_a_part_gets_its_secret_on_standard_input_and_nowhere_else(
    tmp_path: Path, guard_path: str
) -> None:
    reads = part(
        "reader", "sh", "-c", "wc -c; tr '\\0' '\\n' </proc/$$/environ; exec sleep 60", secret="s3cret-text"
    )
    async with supervising(tmp_path, guard_path, reads) as running:
        assert await processes.eventually(lambda: "PATH=" in running.log)
        assert "[reader] 11" in running.log
        assert "s3cret-text" not in running.log


async def test_stopping_ends_every_part_and_all_it_started(tmp_path: Path, guard_path: str) -> None:
    mark = "98765.424242"
    spawning = part("spawning", "sh", "-c", f"setsid sleep {mark} & exec sleep {mark}")
    async with supervising(tmp_path, guard_path, spawning, server()) as running:
        assert await processes.eventually(lambda: len(processes.with_argument(mark)) >= 2)
        await running.until("server", "ready")
    assert processes.with_argument(mark) == []
    assert not (tmp_path / "supervisor.sock").exists()


async def test_a_disabled_part_is_told_as_disabled(tmp_path: Path, guard_path: str) -> None:
    async with supervising(tmp_path, guard_path, replace(server(), enabled=False), server("b")) as running:
        await running.until("b", "ready")
        await running.until("server", "disabled")


def test_waiting_times_double_up_to_the_cap() -> None:
    backoff = Backoff(first_s=0.5, cap_s=30)
    assert [backoff.wait_s(failures) for failures in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.wait_s(10_000) == 30


def test_a_part_that_ran_for_a_minute_counts_afresh() -> None:
    assert failures_in_a_row(7, uptime_s=59) == 8
    assert failures_in_a_row(7, uptime_s=60) == 1


@pytest.mark.parametrize("size", [1, 3, 7, 5000])
def test_lines_are_prefixed_however_they_arrive(size: int) -> None:
    written: list[bytes] = []
    lines = LinePrefixer("part", written.append)
    data = b"one\r\ntwo\n\nlast without end"
    for start in range(0, len(data), size):
        lines.add(data[start : start + size])
    lines.flush()
    assert b"".join(written) == b"[part] one\n[part] two\n[part] \n[part] last without end\n"


def test_a_line_without_end_does_not_grow_for_ever() -> None:
    written: list[bytes] = []
    lines = LinePrefixer("part", written.append)
    for _ in range(100):
        lines.add(b"x" * 1000)
    assert sum(len(piece) for piece in written) > 80_000


def test_the_last_four_kib_of_output_are_kept() -> None:
    tail = OutputTail()
    for number in range(10_000):
        tail.add(f"{number}\n".encode())
    assert len(tail.text()) == KEPT_BYTES
    assert tail.text().endswith("9998\n9999\n")
