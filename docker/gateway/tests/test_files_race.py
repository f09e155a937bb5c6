"""A command that swaps a folder for a link out of the workspace while the gateway works in it: with both ways
of opening nothing leads out. The same swapping beats a check of the path by its text within moments."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lm_gateway.errors import GatewayError
from lm_gateway.files.beneath import (
    Beneath,
    OpenBeneath,
    choose_open,
    open_name_by_name,
    open_with_kernel,
    rename_without_replacing,
)
from lm_gateway.files.store import WorkspaceFiles
from lm_gateway.files.versions import Rules

# Exchanges two names in one step, for ever: at every moment `folder` is there, as one or the other.
SWAPPER = """
import ctypes, sys
libc = ctypes.CDLL(None)
one, other = (name.encode() for name in sys.argv[1:])
print("swapping", flush=True)
while libc.renameat2(-100, one, -100, other, 2) == 0:
    pass
sys.exit("the exchange failed")
"""
ROUNDS = 3000
NAIVE_LIMIT_S = 60.0
RULES = Rules(overwrite=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with a file, and a link that would be in its place, to a folder outside like it."""
    for place, content in (("workspace/folder", "inside"), ("outside", "outside")):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "file").write_text(content)
    (tmp_path / "workspace" / "link").symlink_to(tmp_path / "outside")
    return tmp_path / "workspace"


@contextmanager
def swapping(workspace: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-c", SWAPPER, workspace / "folder", workspace / "link"],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"swapping\n"
        yield
        assert process.poll() is None, "the swapping ended before the test did"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_check_of_the_path_by_its_text_is_beaten(workspace: Path) -> None:
    def naive_read(path: Path) -> str | None:
        try:
            if not path.resolve(strict=True).is_relative_to(workspace):
                return None
            # Between a check and a use there is always some work, of this program or of another.
            for _ in range(20):
                os.sched_yield()
            return path.read_text()
        except OSError:
            # Swapped while the path was resolved.
            return None

    ends_at = time.monotonic() + NAIVE_LIMIT_S
    found = None
    with swapping(workspace):
        while found != "outside" and time.monotonic() < ends_at:
            found = naive_read(workspace / "folder" / "file")
    assert found == "outside"


@pytest.mark.parametrize("open_beneath", [open_with_kernel, open_name_by_name])
def test_nothing_leads_out_of_the_workspace_while_it_is_swapped(
    workspace: Path, open_beneath: OpenBeneath
) -> None:
    store = WorkspaceFiles(Beneath(workspace, open_beneath), reserve_bytes=0, max_bytes=10**9)
    seen: set[str] = set()
    outcomes: dict[str, list[str]] = {}

    def read() -> None:
        file = store.open(("folder", "file"))
        seen.add(file.read(0, 100).decode())
        file.close()

    def write() -> None:
        arriving = store.begin_upload(("folder", "new"), RULES)
        try:
            arriving.write(b"written")
            store.commit(("folder", "new"), arriving, RULES)
        finally:
            arriving.close()

    def look() -> None:
        for entry in store.listing(("folder",), limit=10, after=None).entries:
            assert not entry.name.startswith("outside-")

    work: dict[str, Callable[[], object]] = {
        "read": read,
        "write": write,
        "list": look,
        "remove": lambda: store.remove(("folder", "outside-file"), recursive=True),
        "mkdir": lambda: store.make_folder(("folder", "made", "deep"), parents=True),
        "remove-made": lambda: store.remove(("folder", "made"), recursive=True),
        "move-in": lambda: store.move(("mine",), ("folder", "moved"), overwrite=True, parents=False),
        "move-out": lambda: store.move(("folder", "moved"), ("mine",), overwrite=True, parents=False),
        "steal": lambda: store.move(("folder", "outside-file"), ("mine",), overwrite=True, parents=False),
    }
    outside = workspace.parent / "outside"
    (outside / "outside-file").write_text("kept")
    (workspace / "mine").write_text("mine")
    with swapping(workspace):
        for _ in range(ROUNDS):
            for name, step in work.items():
                try:
                    step()
                    outcomes.setdefault(name, []).append("done")
                except GatewayError as refused:
                    outcomes.setdefault(name, []).append(refused.code.code)
    refusals = {outcome for all_of_one in outcomes.values() for outcome in all_of_one} - {"done"}
    assert refusals <= {"outside_workspace", "conflict", "not_found"}
    assert seen == {"inside"}
    assert sorted(path.name for path in outside.iterdir()) == ["file", "outside-file"]
    assert (outside / "outside-file").read_text() == "kept"
    # The test met both: work that was done, and work that met the link.
    for name in ("read", "write", "list", "mkdir"):
        assert "done" in outcomes[name], name
        assert set(outcomes[name]) & {"outside_workspace", "conflict"}, name
    assert set(outcomes["steal"] + outcomes["remove"]) <= {"outside_workspace", "conflict", "not_found"}


def test_the_ways_of_opening_refuse_the_same_and_the_kernel_follows_inner_links(workspace: Path) -> None:
    (workspace / "inner").symlink_to("folder")
    for open_beneath in (open_with_kernel, open_name_by_name):
        tree = Beneath(workspace, open_beneath)
        with pytest.raises(OSError):
            tree.open(("link", "file"), os.O_RDONLY)
        os.close(tree.open(("folder", "file"), os.O_RDONLY))
    os.close(Beneath(workspace, open_with_kernel).open(("inner", "file"), os.O_RDONLY))
    with pytest.raises(OSError):
        Beneath(workspace, open_name_by_name).open(("inner", "file"), os.O_RDONLY)


@pytest.mark.parametrize("number", [1, 22, 38])
def test_without_openat2_the_path_is_walked_name_by_name(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("lm_gateway.files.beneath.open_with_kernel", refuse)
    assert choose_open() is open_name_by_name


def test_the_kernel_resolves_here() -> None:
    """A sandbox whose engine hides openat2 is safe but follows no links."""
    assert choose_open() is open_with_kernel


def test_a_name_is_given_once_where_the_file_system_cannot_promise_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoExchange:
        def renameat2(self, *_: object) -> int:
            ctypes.set_errno(22)
            return -1

    monkeypatch.setattr("lm_gateway.files.beneath._libc", NoExchange())
    (tmp_path / "a").write_text("a")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        rename_without_replacing("a", folder, "b", folder)
        (tmp_path / "a").write_text("second")
        with pytest.raises(FileExistsError):
            rename_without_replacing("a", folder, "b", folder)
    finally:
        os.close(folder)
    assert (tmp_path / "b").read_text() == "a"
    assert (tmp_path / "a").read_text() == "second"
