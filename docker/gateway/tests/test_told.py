"""Whoever started the gateway hears which programs run."""

from __future__ import annotations

import os

import pytest

from lm_gateway.bash.told import ToldPrograms
from lm_guard import GuardedProcess, GuardOptions
from lm_guard.process import PORTABLE_GUARD_PATH


async def start(known_guards: set[int]) -> GuardedProcess:
    return await GuardedProcess.start(
        ["/bin/sleep", "60"],
        environment={},
        descriptors={},
        options=GuardOptions(guard_path=PORTABLE_GUARD_PATH),
        known_guards=known_guards,
    )


async def test_the_process_ids_of_programs_are_told_until_nothing_of_them_is_left() -> None:
    reading, writing = os.pipe()
    try:
        told = ToldPrograms(writing)
        guards: set[int] = set()
        first, second = await start(guards), await start(guards)
        for process in (first, second):
            told.add(process)
        assert os.read(reading, 4096).decode() == f"{first.pid}\n{first.pid} {second.pid}\n"
        for process in (first, second):
            process.kill()
            assert await process.finished
        assert os.read(reading, 4096).decode() == f"{second.pid}\n\n"
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("gone", [False, True])
async def test_a_reader_that_takes_nothing_holds_no_program_up(gone: bool) -> None:
    reading, writing = os.pipe()
    try:
        told = ToldPrograms(writing)
        if gone:
            os.close(reading)
        else:
            while True:
                try:
                    os.write(writing, b"x" * 4096)
                except BlockingIOError:
                    break
        process = await start(set())
        told.add(process)
        process.kill()
        assert await process.finished
    finally:
        os.close(writing)
        if not gone:
            os.close(reading)
