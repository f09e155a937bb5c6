"""lm-guard itself, started in either way, and what happens when it is killed."""

from __future__ import annotations

import os
import signal
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

import pytest

import processes
from lm_guard import GuardedProcess, GuardOptions, ProcessEnd, ReadyGuard, StartFailed
from lm_guard.orphans import become_subreaper, kill_orphans
from lm_guard.spawn import Spawn, spawn_guard

ENVIRONMENT = {"PATH": os.environ["PATH"]}

Start: TypeAlias = Callable[..., Awaitable[GuardedProcess]]


@pytest.fixture(params=["directly", "by one that stands ready"])
def start(request: pytest.FixtureRequest, each_guard: str) -> Iterator[Start]:
    """Starts a program; `known` gets its guard, and the one that stands ready if there is one."""
    ready: list[ReadyGuard] = []

    async def starting(
        *arguments: str, known: set[int] | None = None, grace_ms: int = 3000, guard: str = each_guard
    ) -> GuardedProcess:
        known = set() if known is None else known
        spawn: Spawn = spawn_guard
        if request.param != "directly":
            spawn = ReadyGuard(guard, known)
            ready.append(spawn)
        null = os.open(os.devnull, os.O_RDWR)
        try:
            return await GuardedProcess.start(
                arguments,
                environment=ENVIRONMENT,
                descriptors={0: null, 1: null, 2: null},
                options=GuardOptions(guard_path=guard, grace_ms=grace_ms),
                known_guards=known,
                spawn=spawn,
            )
        finally:
            os.close(null)

    yield starting
    for spawn in ready:
        spawn.close()


async def test_an_exit_code_and_a_signal_are_told_apart(start: Start) -> None:
    exited = await start("sh", "-c", "exit 9")
    assert await exited.ended == ProcessEnd(code=9, signal=None)
    killed = await start("sh", "-c", "kill -9 $$")
    assert await killed.ended == ProcessEnd(code=None, signal=signal.SIGKILL)
    assert await exited.finished is True
    assert await killed.finished is True


async def test_a_program_that_is_not_there_is_named(start: Start) -> None:
    with pytest.raises(StartFailed, match="no-such-program: No such file or directory"):
        await start("no-such-program")
    with pytest.raises(StartFailed, match="no-such-guard"):
        await start("true", guard="/no-such-guard")


async def test_terminate_gives_the_program_time_to_clean_up(start: Start) -> None:
    process = await start("bash", "-c", "trap 'exit 7' TERM; while :; do sleep 0.01; done")
    process.terminate()
    assert await process.ended in (ProcessEnd(7, None), ProcessEnd(None, signal.SIGTERM))
    assert await process.finished is True


async def test_kill_ends_a_stopped_process_at_once(start: Start) -> None:
    process = await start("sleep", "60", grace_ms=60_000)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    process.kill()
    assert await process.ended == ProcessEnd(None, signal.SIGKILL)
    assert await process.finished is True


async def test_the_guard_ends_everything_when_its_owner_goes_away(start: Start) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    process = await start("sh", "-c", f"setsid sleep {mark} & sleep {mark}")
    # The shell has the mark in its command line too.
    assert await processes.eventually(lambda: len(processes.with_argument("sleep\0" + mark)) == 2)
    process._control.shutdown(socket.SHUT_RDWR)
    assert await process.finished is False
    assert await processes.eventually(lambda: processes.with_argument(mark) == [])


async def test_what_a_killed_guard_leaves_comes_back_to_us_and_is_ended(start: Start) -> None:
    become_subreaper()
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    known: set[int] = set()
    bystander = await start("sleep", "60", known=known)
    victim = await start("sh", "-c", f"setsid sleep {mark} & sleep {mark}", known=known)
    # The shell has the mark in its command line too.
    assert await processes.eventually(lambda: len(processes.with_argument("sleep\0" + mark)) == 2)
    os.kill(victim.guard_pid, signal.SIGKILL)
    assert await victim.finished is False
    assert await victim.ended == ProcessEnd(None, None)
    assert kill_orphans(known) >= 2
    assert processes.with_argument(mark) == []
    assert not bystander.ended.done()
    bystander.kill()
    await bystander.finished
    assert not known & {bystander.guard_pid, victim.guard_pid}
