"""The guard that stands ready: what it starts, and what happens when it is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import processes
from lm_guard import GuardedProcess, GuardOptions, ReadyGuard, StartFailed
from lm_guard.orphans import become_subreaper, kill_orphans
from lm_guard.process import PORTABLE_GUARD_PATH
from lm_guard.spawn import guard_command

LONG = "x" * 100_000


class Guards:
    """A ready guard and what it knows."""

    def __init__(self, guard_path: str, **options: int) -> None:
        self.known: set[int] = set()
        self.ready = ReadyGuard(guard_path, self.known, **options)
        self.guard_path = guard_path

    async def run(
        self, script: str, secret_dir: str | None = None, **environment: str
    ) -> tuple[int | None, str]:
        """The exit code and the output of a script."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            process = await GuardedProcess.start(
                ["/bin/bash", "-c", script],
                environment={"PATH": os.environ["PATH"], **environment},
                descriptors={0: nothing, 1: writing, 2: writing},
                options=GuardOptions(guard_path=self.guard_path, secret_dir=secret_dir),
                known_guards=self.known,
                spawn=self.ready,
            )
        finally:
            os.close(nothing)
            os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as output:
            text = output.read()
        assert await process.finished is True
        return (await process.ended).code, text

    @property
    def pid(self) -> int:
        """The process that stands ready, when nothing else runs."""
        (pid,) = self.known
        return pid


@pytest.fixture
def guards(each_guard: str) -> Iterator[Guards]:
    guards = Guards(each_guard)
    yield guards
    guards.ready.close()
    assert guards.known == set()


async def test_one_process_starts_all_guards(guards: Guards) -> None:
    assert await guards.run("echo $GREETING; exit 3", GREETING="grüße") == (3, "grüße\n")
    first = guards.pid
    code, parent = await guards.run("ps -o ppid= -p $PPID")
    # The kernel's call that makes a brother is not to be had from Python.
    expected = first if guards.guard_path == PORTABLE_GUARD_PATH else os.getpid()
    assert (code, int(parent)) == (0, expected)
    assert guards.pid == first


async def test_a_program_gets_no_descriptor_but_its_own(guards: Guards) -> None:
    _, listed = await guards.run("ls /proc/self/fd")
    # The fourth is the folder that ls reads.
    assert listed.split() == ["0", "1", "2", "3"]


async def test_one_that_was_killed_is_replaced_and_the_program_runs(guards: Guards) -> None:
    await guards.run("true")
    first = guards.pid
    os.kill(first, signal.SIGKILL)
    assert await processes.eventually(lambda: Path(f"/proc/{first}/stat").read_text().split()[2] == "Z")
    assert await guards.run("echo on") == (0, "on\n")
    assert await guards.run("echo again") == (0, "again\n")
    assert guards.pid != first


async def test_one_that_was_stopped_holds_nobody_up_for_long_and_no_program_runs_twice(
    each_guard: str, tmp_path: Path
) -> None:
    guards = Guards(each_guard, answer_timeout_ms=2000)
    try:
        await guards.run("true")
        os.kill(guards.pid, signal.SIGSTOP)
        with pytest.raises(StartFailed, match="temporarily unavailable"):
            await guards.run(f"echo >> {tmp_path}/ran")
    finally:
        guards.ready.close()
    guards = Guards(each_guard)
    assert await guards.run(f"echo >> {tmp_path}/ran; wc -l < {tmp_path}/ran") == (0, "1\n")
    guards.ready.close()


async def test_what_one_message_cannot_hold_is_started_all_the_same(guards: Guards) -> None:
    await guards.run("true")
    ready = guards.pid
    # Larger than the socket's buffer; the kernel takes 128 KiB in one variable.
    many = {f"LONG_{number}": LONG for number in range(8)}
    assert await guards.run("echo $(( ${#LONG_0} + ${#LONG_7} ))", **many) == (0, "200000\n")
    assert guards.pid == ready


async def test_a_nul_character_cannot_shift_what_follows_it(guards: Guards) -> None:
    with pytest.raises(ValueError, match="null byte"):
        await guards.run("true\0false")


@pytest.mark.parametrize("command", [["-x", "--", "true"], ["-n", "1"]], ids=["no option", "no program"])
async def test_what_is_no_command_line_is_refused_and_the_next_one_is_not(
    guards: Guards, command: list[str]
) -> None:
    await guards.run("true")
    ready = guards.pid
    with pytest.raises(OSError, match="Bad message"):
        guards.ready([*guard_command(guards.guard_path), *command], {}, {})
    assert await guards.run("echo on") == (0, "on\n")
    assert guards.pid == ready


async def test_it_is_no_orphan(guards: Guards) -> None:
    become_subreaper()
    # Guards of an earlier test, whose parent was ended while they were ending.
    kill_orphans(guards.known)
    await guards.run("true")
    assert kill_orphans(guards.known) == 0
    assert await guards.run("echo on") == (0, "on\n")


@pytest.mark.parametrize("first", ["the same folder", "none", "another folder"])
async def test_a_folder_made_later_is_open_to_programs_and_the_secret_one_is_not(
    guard_path: str, tmp_path: Path, first: str
) -> None:
    guards = Guards(guard_path)
    if first != "the same folder":
        (tmp_path / "other").mkdir()
        await guards.run("true", secret_dir=None if first == "none" else str(tmp_path / "other"))
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "token").write_text("hidden")
    (tmp_path / "old").write_text("seen")
    script = f"cat {tmp_path}/old {tmp_path}/new/file {secret}/token"
    _, before = await guards.run(script, secret_dir=str(secret))
    if "hidden" in before:
        pytest.skip("this kernel has no Landlock (ABI 2 or newer)")
    assert before.startswith("seen")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "file").write_text("new")
    _, after = await guards.run(script, secret_dir=str(secret))
    assert after.startswith("seennew")
    assert "hidden" not in after
    guards.ready.close()
