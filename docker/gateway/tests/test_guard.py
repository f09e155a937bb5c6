"""lm-guard itself, and what happens when it is killed."""

from __future__ import annotations

import os
import signal
import socket
import uuid

import pytest

import processes
from lm_guard import GuardedProcess, GuardOptions, ProcessEnd, StartFailed
from lm_guard.orphans import become_subreaper, kill_orphans

ENVIRONMENT = {"PATH": os.environ["PATH"]}


async def start(
    guard_path: str, *arguments: str, known: set[int] | None = None, grace_ms: int = 3000
) -> GuardedProcess:
    null = os.open(os.devnull, os.O_RDWR)
    try:
        return await GuardedProcess.start(
            arguments,
            environment=ENVIRONMENT,
            descriptors={0: null, 1: null, 2: null},
            options=GuardOptions(guard_path=guard_path, grace_ms=grace_ms),
            known_guards=set() if known is None else known,
        )
    finally:
        os.close(null)


async def test_an_exit_code_and_a_signal_are_told_apart(guard_path: str) -> None:
    exited = await start(guard_path, "sh", "-c", "exit 9")
    assert await exited.ended == ProcessEnd(code=9, signal=None)
    killed = await start(guard_path, "sh", "-c", "kill -9 $$")
    assert await killed.ended == ProcessEnd(code=None, signal=signal.SIGKILL)
    assert await exited.finished is True
    assert await killed.finished is True


async def test_a_program_that_is_not_there_is_named(guard_path: str) -> None:
    with pytest.raises(StartFailed, match="no-such-program: No such file or directory"):
        await start(guard_path, "no-such-program")
    with pytest.raises(StartFailed, match="no-such-guard"):
        await start("/no-such-guard", "true")


async def test_terminate_gives_the_program_time_to_clean_up(guard_path: str) -> None:
    process = await start(guard_path, "bash", "-c", "trap 'exit 7' TERM; while :; do sleep 0.01; done")
    process.terminate()
    assert await process.ended in (ProcessEnd(7, None), ProcessEnd(None, signal.SIGTERM))
    assert await process.finished is True


async def test_kill_ends_a_stopped_process_at_once(guard_path: str) -> None:
    process = await start(guard_path, "sleep", "60", grace_ms=60_000)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    process.kill()
    assert await process.ended == ProcessEnd(None, signal.SIGKILL)
    assert await process.finished is True


async def test_the_guard_ends_everything_when_its_owner_goes_away(guard_path: str) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    process = await start(guard_path, "sh", "-c", f"setsid sleep {mark} & sleep {mark}")
    # The shell and its guard have the mark in their command lines too.
    assert await processes.eventually(lambda: len(processes.with_argument("sleep\0" + mark)) == 2)
    process._control.shutdown(socket.SHUT_RDWR)
    assert await process.finished is False
    assert await processes.eventually(lambda: processes.with_argument(mark) == [])


async def test_what_a_killed_guard_leaves_comes_back_to_us_and_is_ended(guard_path: str) -> None:
    become_subreaper()
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    known: set[int] = set()
    bystander = await start(guard_path, "sleep", "60", known=known)
    victim = await start(guard_path, "sh", "-c", f"setsid sleep {mark} & sleep {mark}", known=known)
    # The shell and its guard have the mark in their command lines too.
    assert await processes.eventually(lambda: len(processes.with_argument("sleep\0" + mark)) == 2)
    os.kill(victim.guard_pid, signal.SIGKILL)
    assert await victim.finished is False
    assert await victim.ended == ProcessEnd(None, None)
    assert kill_orphans(known) >= 2
    assert processes.with_argument(mark) == []
    assert not bystander.ended.done()
    bystander.kill()
    await bystander.finished
    assert known == set()
