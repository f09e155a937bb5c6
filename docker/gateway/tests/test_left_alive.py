"""The seven ways to stay alive, without the guard: what the tests of test_run_bash.py would find if it did
not work. A plain subprocess with a time limit leaves them behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import uuid

import pytest

import processes
from test_run_bash import SPAWN_STYLES

PR_SET_CHILD_SUBREAPER = 36


@pytest.mark.parametrize("style", SPAWN_STYLES)
async def test_without_the_guard_something_is_left_alive(style: str) -> None:
    # An earlier test may have made this process the reaper of orphans; here they are nobody's.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    shell = subprocess.Popen(
        ["/bin/bash", "-c", SPAWN_STYLES[style].format(mark)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert await processes.eventually(lambda: processes.with_argument("sleep\0" + mark) != [])
        # What `subprocess.run(timeout=...)` does at its time limit.
        shell.kill()
        shell.wait()
        assert processes.with_argument("sleep\0" + mark) != []
    finally:
        for pid in processes.with_argument(mark):
            os.kill(pid, signal.SIGKILL)
    assert await processes.eventually(lambda: processes.with_argument(mark) == [])
