"""Unfinished uploads of a gateway that was killed are gone after the next start; those of a gateway that
works on the same volume, and all other files, stay."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import processes
from conftest import TOKEN, MakeSettings, StartGateway
from lm_gateway.files.beneath import Beneath
from lm_gateway.files.leftovers import remove_leftovers
from lm_gateway.files.lock import Lock, lock
from lm_gateway.files.upload import Upload

NAME = ".lm-upload-0123456789abcdef"


@pytest.fixture
def workspace(make_settings: MakeSettings) -> Path:
    return make_settings().workspace


def unfinished(folder: Path) -> list[Path]:
    return sorted(folder.rglob(".lm-upload-*"))


async def test_what_a_killed_gateway_leaves_is_gone_after_the_next_start(
    make_settings: MakeSettings, start_gateway: StartGateway, workspace: Path
) -> None:
    settings = make_settings()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {
        **os.environ,
        "LM_API_TOKEN": TOKEN,
        "LM_GATEWAY_PORT": str(port),
        "LM_WORKSPACE": str(workspace),
        "LM_MODELS_DIR": str(settings.models_dir),
        "LM_RUN_DIR": str(settings.run_dir),
    }
    killed = await asyncio.create_subprocess_exec(sys.executable, "-m", "lm_gateway", env=environment)
    (workspace / "deep" / "down").mkdir(parents=True)
    client = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False
    )

    async def pieces() -> AsyncIterator[bytes]:
        yield bytes(2_000_000)
        assert await processes.eventually(lambda: bool(unfinished(workspace)))
        killed.send_signal(signal.SIGKILL)
        await killed.wait()
        yield bytes(1)

    async with client:
        assert await processes.eventually(lambda: _answers(port))
        with pytest.raises(httpx.TransportError):
            await client.put("/files/deep/down/file", content=pieces())
    assert len(unfinished(workspace)) == 1
    await start_gateway(settings)
    assert await processes.eventually(lambda: unfinished(workspace) == [])


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


async def test_an_upload_to_another_gateway_on_the_same_volume_stays_and_is_completed(
    make_settings: MakeSettings, start_gateway: StartGateway, workspace: Path
) -> None:
    one = await start_gateway(make_settings())

    async def pieces() -> AsyncIterator[bytes]:
        yield bytes(2_000_000)
        assert await processes.eventually(lambda: bool(unfinished(workspace)))
        (workspace / NAME).write_bytes(b"left over")
        await start_gateway(make_settings())
        assert await processes.eventually(lambda: not (workspace / NAME).exists())
        yield b"end"

    stored = await one.put("/files/file", content=pieces())
    assert (stored.status_code, stored.json()["size_bytes"]) == (201, 2_000_003)
    assert unfinished(workspace) == []


def test_only_plain_files_with_a_name_of_the_exact_form_are_taken_away(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    outside = tmp_path / "outside"
    for folder in (root / "sub", outside):
        folder.mkdir(parents=True)
        (folder / NAME).write_bytes(b"")
    (root / "to-outside").symlink_to(outside)
    (root / ".lm-upload-notes").write_bytes(b"")
    (root / f"{NAME}0").write_bytes(b"")
    (root / ".lm-upload-00000000000000aa").symlink_to(outside / NAME)
    (root / ".lm-upload-00000000000000bb").mkdir()
    os.mkfifo(root / ".lm-upload-00000000000000cc")
    assert remove_leftovers(Beneath(root), threading.Event()) == 1
    assert (outside / NAME).exists()
    assert len(unfinished(root)) == 5


def test_folders_that_cannot_be_read_and_very_deep_ones_stop_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Deeper than a path can say, which is as far as the gateway reaches.
    for _ in range(60):
        Path("x" * 100).mkdir()
        monkeypatch.chdir("x" * 100)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "last").mkdir()
    (tmp_path / "last" / NAME).write_bytes(b"")
    assert remove_leftovers(Beneath(tmp_path), threading.Event()) == 1
    (tmp_path / "closed").chmod(0o700)


def test_a_gateway_that_ends_stops_looking(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"")
    stop = threading.Event()
    stop.set()
    assert remove_leftovers(Beneath(tmp_path), stop) == 0
    assert (tmp_path / NAME).exists()


def test_without_locks_only_what_is_a_day_old_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lm_gateway.files.leftovers.lock", lambda _: Lock.UNKNOWN)
    old, young = tmp_path / NAME, tmp_path / ".lm-upload-00000000000000aa"
    for path in (old, young):
        path.write_bytes(b"")
    day_ago = time.time() - 86_401
    os.utime(old, (day_ago, day_ago))
    assert remove_leftovers(Beneath(tmp_path), threading.Event()) == 1
    assert unfinished(tmp_path) == [young]


def test_an_upload_that_another_gateway_found_before_it_was_locked_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Path] = []

    def removed_meanwhile(descriptor: int) -> Lock:
        if not taken:
            taken.extend(unfinished(tmp_path))
            assert remove_leftovers(Beneath(tmp_path), threading.Event()) == 1
        return lock(descriptor)

    monkeypatch.setattr("lm_gateway.files.upload.lock", removed_meanwhile)
    folder = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    arriving = Upload(folder, reserve_bytes=0, max_bytes=100)
    arriving.write(b"content")
    assert len(taken) == 1
    assert unfinished(tmp_path) != taken
    arriving.rename("file", folder, mode=None, replace=False)
    arriving.close()
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_stored_file_is_not_locked(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    arriving = Upload(folder, reserve_bytes=0, max_bytes=100)
    arriving.rename("file", folder, mode=None, replace=False)
    arriving.close()
    with (tmp_path / "file").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
