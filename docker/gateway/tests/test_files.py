"""The files of the workspace over HTTP."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import stat
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import processes
from conftest import MakeSettings, StartGateway
from lm_gateway.errors import GatewayError
from lm_gateway.files.paths import parse_path
from lm_gateway.settings import BodyLimits

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def workspace(make_settings: MakeSettings) -> Path:
    return make_settings().workspace


def unfinished(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".lm-upload-*")]


async def test_what_was_stored_comes_back_with_its_kind_and_version(
    gateway: httpx.AsyncClient, workspace: Path
) -> None:
    stored = await gateway.put("/files/notes.txt", content=CONTENT)
    assert stored.status_code == 201
    assert (stored.json()["path"], stored.json()["size_bytes"]) == ("notes.txt", len(CONTENT))
    assert stored.json()["created"] is True
    assert stored.json()["mode"] == "0644"
    assert (workspace / "notes.txt").read_bytes() == CONTENT
    answer = await gateway.get("/files/notes.txt")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["etag"] == stored.headers["etag"] == stored.json()["etag"]
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''notes.txt"
    head = await gateway.head("/files/notes.txt")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(CONTENT)))
    assert unfinished(workspace) == []


@pytest.mark.parametrize(
    ("header", "first", "end"),
    [("bytes=0-0", 0, 1), ("bytes=5-", 5, 2048), ("bytes=-3", 2045, 2048), ("bytes=2000-9999", 2000, 2048)],
)
async def test_a_range_is_answered_with_that_part(
    gateway: httpx.AsyncClient, workspace: Path, header: str, first: int, end: int
) -> None:
    (workspace / "a").write_bytes(CONTENT)
    answer = await gateway.get("/files/a", headers={"Range": header})
    assert (answer.status_code, answer.content) == (206, CONTENT[first:end])
    assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/2048"


async def test_a_range_outside_is_refused_and_one_of_another_version_gets_the_whole(
    gateway: httpx.AsyncClient, workspace: Path
) -> None:
    (workspace / "a").write_bytes(CONTENT)
    outside = await gateway.get("/files/a", headers={"Range": "bytes=2048-"})
    assert (outside.status_code, outside.json()["code"]) == (416, "range_not_satisfiable")
    assert outside.headers["content-range"] == "bytes */2048"
    other = await gateway.get("/files/a", headers={"Range": "bytes=0-0", "If-Range": '"another"'})
    assert (other.status_code, len(other.content)) == (200, 2048)
    several = await gateway.get("/files/a", headers={"Range": "bytes=0-1,4-5"})
    assert (several.status_code, len(several.content)) == (200, 2048)
    head = await gateway.head("/files/a", headers={"Range": "bytes=0-0"})
    assert (head.status_code, head.headers["content-length"]) == (200, "2048")
    (workspace / "empty").write_bytes(b"")
    empty = await gateway.get("/files/empty", headers={"Range": "bytes=0-"})
    assert (empty.status_code, empty.headers["content-range"]) == (416, "bytes */0")


async def test_a_known_version_is_not_sent_again(gateway: httpx.AsyncClient, workspace: Path) -> None:
    (workspace / "a").write_bytes(CONTENT)
    etag = (await gateway.head("/files/a")).headers["etag"]
    known = await gateway.get("/files/a", headers={"If-None-Match": f'"x", {etag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    (workspace / "a").write_bytes(CONTENT + b"more")
    assert (await gateway.get("/files/a", headers={"If-None-Match": etag})).status_code == 200


async def test_a_file_is_replaced_only_on_demand_and_keeps_its_mode(
    gateway: httpx.AsyncClient, workspace: Path
) -> None:
    await gateway.put("/files/run.sh?mode=750", content=b"1")
    refused = await gateway.put("/files/run.sh", content=b"2")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    replaced = await gateway.put("/files/run.sh?overwrite=true", content=b"3")
    assert (replaced.status_code, replaced.json()["created"]) == (200, False)
    assert (workspace / "run.sh").read_bytes() == b"3"
    assert stat.S_IMODE((workspace / "run.sh").stat().st_mode) == 0o750
    assert unfinished(workspace) == []


async def test_a_version_that_is_gone_is_not_overwritten(gateway: httpx.AsyncClient, workspace: Path) -> None:
    etag = (await gateway.put("/files/a", content=b"1")).json()["etag"]
    second = await gateway.put("/files/a", content=b"2", headers={"If-Match": etag})
    assert second.status_code == 200
    late = await gateway.put("/files/a", content=b"3", headers={"If-Match": etag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert late.json()["details"]["etag"] == second.json()["etag"]
    created = await gateway.put("/files/a", content=b"4", headers={"If-None-Match": "*"})
    assert created.status_code == 412
    missing = await gateway.put("/files/b", content=b"5", headers={"If-Match": "*"})
    assert missing.status_code == 412
    assert (workspace / "a").read_bytes() == b"2"


async def test_of_many_writers_of_one_version_one_wins(gateway: httpx.AsyncClient, workspace: Path) -> None:
    etag = (await gateway.put("/files/a", content=b"first")).json()["etag"]
    answers = await asyncio.gather(
        *(gateway.put("/files/a", content=b"%d" % n, headers={"If-Match": etag}) for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    answers = await asyncio.gather(*(gateway.put("/files/b", content=b"%d" % n) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert unfinished(workspace) == []


async def test_folders_on_the_way_are_made_on_demand(gateway: httpx.AsyncClient, workspace: Path) -> None:
    missing = await gateway.put("/files/a/b/c", content=b"1")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (await gateway.put("/files/a/b/c?parents=true", content=b"1")).status_code == 201
    assert (workspace / "a/b/c").read_bytes() == b"1"


async def test_an_upload_over_the_limit_or_the_disk_is_refused_and_leaves_nothing(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    small = await start_gateway(make_settings(bodies=BodyLimits(file=1000)))
    assert (await small.put("/files/a", content=bytes(1001))).json()["code"] == "body_too_large"

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield bytes(100)

    unannounced = await small.put("/files/a", content=pieces())
    assert (unannounced.status_code, unannounced.json()["details"]) == (413, {"max_bytes": 1000})
    full = await start_gateway(make_settings(disk_reserve_bytes=2**60))
    refused = await full.put("/files/a", content=b"x")
    assert (refused.status_code, refused.json()["code"]) == (507, "disk_full")
    assert list(make_settings().workspace.iterdir()) == []


async def test_an_upload_that_breaks_off_leaves_nothing(gateway: httpx.AsyncClient, workspace: Path) -> None:
    (workspace / "a").write_bytes(b"before")

    async def breaking() -> AsyncIterator[bytes]:
        yield bytes(2_000_000)
        assert await processes.eventually(lambda: unfinished(workspace) != [])
        raise ConnectionError("the caller's own failure")

    with pytest.raises(ConnectionError):
        await gateway.put("/files/a?overwrite=true", content=breaking())
    assert await processes.eventually(lambda: unfinished(workspace) == [])
    assert (workspace / "a").read_bytes() == b"before"


async def test_a_large_file_goes_both_ways_without_growing_in_memory(
    gateway: httpx.AsyncClient, workspace: Path
) -> None:
    size = 64 * 1024 * 1024
    piece = os.urandom(65536)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    tracemalloc.start()
    try:
        assert (await gateway.put("/files/big", content=pieces())).status_code == 201
        received = 0
        async with gateway.stream("GET", "/files/big") as answer:
            async for part in answer.aiter_bytes():
                received += len(part)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert received == size == (workspace / "big").stat().st_size
    assert peak < 24 * 1024 * 1024


async def test_a_folder_is_listed_by_name_a_page_at_a_time(
    gateway: httpx.AsyncClient, workspace: Path
) -> None:
    for number in range(25):
        (workspace / f"f{number:02}").write_bytes(b"x" * number)
    names: list[str] = []
    after: dict[str, str] = {}
    for size in (10, 10, 5):
        page = (await gateway.get("/files/", params={"limit": 10, **after})).json()
        assert len(page["entries"]) == size
        names += [entry["name"] for entry in page["entries"]]
        after = {"after": page["next"]} if page["next"] else {}
    assert names == [f"f{number:02}" for number in range(25)]
    assert after == {}
    assert (await gateway.get("/files/", params={"after": "é"})).status_code == 422


async def test_a_listing_tells_of_every_kind_what_it_is(gateway: httpx.AsyncClient, workspace: Path) -> None:
    (workspace / "file").write_bytes(b"12345")
    (workspace / "folder").mkdir()
    (workspace / "link").symlink_to("/etc/passwd")
    os.mkfifo(workspace / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(workspace / "socket"))
    Path(os.fsdecode(os.fsencode(workspace) + b"/\xff")).write_bytes(b"")
    entries = {entry["name"]: entry for entry in (await gateway.get("/files")).json()["entries"]}
    assert {name: entry["type"] for name, entry in entries.items()} == {
        "file": "file",
        "folder": "directory",
        "link": "symlink",
        "pipe": "fifo",
        "socket": "socket",
        "\\xff": "file",
    }
    assert (entries["file"]["size_bytes"], entries["file"]["mode"]) == (5, "0644")
    assert entries["file"]["etag"] == (await gateway.head("/files/file")).headers["etag"]
    assert entries["link"]["target"] == "/etc/passwd"
    assert entries["link"]["size_bytes"] is None
    assert [name for name, entry in entries.items() if not entry["exact"]] == ["\\xff"]


async def test_special_files_are_refused_at_once(gateway: httpx.AsyncClient, workspace: Path) -> None:
    os.mkfifo(workspace / "pipe")
    (workspace / "to-pipe").symlink_to("pipe")
    (workspace / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(workspace / "socket"))
    async with asyncio.timeout(10):
        for name, kind in (
            ("pipe", "fifo"),
            ("to-pipe", "fifo"),
            ("socket", "socket"),
            ("folder", "directory"),
        ):
            read = await gateway.get(f"/files/{name}")
            assert (read.status_code, read.json()["details"].get("type")) == (409, kind), name
            read = await gateway.post("/files/read", json={"path": name})
            assert read.status_code == 409, name
            written = await gateway.put(f"/files/{name}?overwrite=true", content=b"x")
            assert written.status_code == 409, name
    assert stat.S_ISFIFO((workspace / "pipe").stat().st_mode)


async def test_links_are_followed_inside_and_never_outside(
    gateway: httpx.AsyncClient, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (workspace / "real").mkdir()
    (workspace / "real" / "file").write_bytes(b"inside")
    (workspace / "inside").symlink_to("real")
    (workspace / "up").symlink_to("..")
    (workspace / "absolute").symlink_to(tmp_path / "secret")
    (workspace / "around").symlink_to("real/../../workspace/real/file")
    (workspace / "loop").symlink_to("loop")
    (workspace / "magic").symlink_to("/proc/self/cwd")
    assert (await gateway.get("/files/inside/file")).content == b"inside"
    for path in ("up/secret", "absolute", "around", "loop", "magic/secret"):
        refused = await gateway.get(f"/files/{path}")
        assert (refused.status_code, refused.json()["code"]) == (403, "outside_workspace"), path
    for method, path in (("PUT", "up/new"), ("DELETE", "up/secret")):
        assert (await gateway.request(method, f"/files/{path}")).status_code == 403
    for body in ({"from": "up/secret", "to": "mine"}, {"from": "real/file", "to": "up/stolen"}):
        assert (await gateway.post("/files/move", json=body)).status_code == 403
    made = await gateway.post("/files/mkdir", json={"path": "up/a/b", "parents": True})
    assert made.status_code == 403
    assert (await gateway.get("/files/", params={"path": "up"})).status_code == 403
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "models", "secret", "workspace"]


async def test_writing_to_a_link_is_refused_and_deleting_it_leaves_its_target(
    gateway: httpx.AsyncClient, workspace: Path
) -> None:
    (workspace / "file").write_bytes(b"kept")
    (workspace / "link").symlink_to("file")
    refused = await gateway.put("/files/link?overwrite=true", content=b"x")
    assert (refused.status_code, refused.json()["details"]) == (409, {"type": "symlink"})
    assert (await gateway.delete("/files/link")).status_code == 200
    assert (workspace / "file").read_bytes() == b"kept"
    assert not (workspace / "link").is_symlink()


async def test_a_folder_with_content_is_deleted_only_with_recursive_and_not_through_links(
    gateway: httpx.AsyncClient, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_bytes(b"")
    (workspace / "a" / "b").mkdir(parents=True)
    (workspace / "a" / "link").symlink_to(tmp_path / "outside")
    refused = await gateway.delete("/files/a")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await gateway.delete("/files/a?recursive=true")).json() == {"path": "a"}
    assert list(workspace.iterdir()) == []
    assert (tmp_path / "outside" / "kept").exists()
    assert (await gateway.delete("/files/a")).status_code == 404
    assert (await gateway.delete("/files/?recursive=true")).status_code in (405, 422)


async def test_files_are_moved_and_replaced_only_on_demand(
    gateway: httpx.AsyncClient, workspace: Path
) -> None:
    (workspace / "a").write_bytes(b"a")
    (workspace / "b").write_bytes(b"b")
    (workspace / "folder").mkdir()
    refused = await gateway.post("/files/move", json={"from": "a", "to": "b"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    moved = await gateway.post("/files/move", json={"from": "a", "to": "b", "overwrite": True})
    assert moved.json() == {"from": "a", "to": "b"}
    assert (workspace / "b").read_bytes() == b"a"
    assert (await gateway.post("/files/move", json={"from": "b", "to": "x/y/b"})).status_code == 404
    deep = await gateway.post("/files/move", json={"from": "b", "to": "x/y/b", "parents": True})
    assert deep.status_code == 200
    inside_itself = await gateway.post("/files/move", json={"from": "x", "to": "x/y/z"})
    assert inside_itself.status_code == 422
    assert (await gateway.post("/files/move", json={"from": "gone", "to": "z"})).status_code == 404
    assert (workspace / "x/y/b").read_bytes() == b"a"


async def test_folders_are_made(gateway: httpx.AsyncClient, workspace: Path) -> None:
    made = await gateway.post("/files/mkdir", json={"path": "a"})
    assert (made.status_code, made.json()) == (201, {"path": "a", "created": True})
    assert (await gateway.post("/files/mkdir", json={"path": "a"})).status_code == 409
    again = await gateway.post("/files/mkdir", json={"path": "a", "parents": True})
    assert (again.status_code, again.json()["created"]) == (200, False)
    absolute = await gateway.post("/files/mkdir", json={"path": f"{workspace}/b/c", "parents": True})
    assert absolute.json()["path"] == "b/c"
    assert (workspace / "b/c").is_dir()
    elsewhere = await gateway.post("/files/mkdir", json={"path": "/tmp/b"})
    assert elsewhere.json()["code"] == "outside_workspace"
    assert (await gateway.post("/files/mkdir", json={"path": ""})).status_code == 422


async def test_agents_read_and_write_text_as_json(gateway: httpx.AsyncClient, workspace: Path) -> None:
    wanted = {"path": "a/b.txt", "content": "Grüße 🙂", "parents": True, "mode": "600"}
    stored = (await gateway.post("/files/write", json=wanted)).json()
    assert stored["mode"] == "0600"
    read = (await gateway.post("/files/read", json={"path": "a/b.txt"})).json()
    assert (read["content"], read["next_offset"], read["etag"]) == ("Grüße 🙂", None, stored["etag"])
    pieces, offset = "", 0
    while offset is not None:
        wanted = {"path": "a/b.txt", "offset": offset, "max_bytes": 4}
        piece = (await gateway.post("/files/read", json=wanted)).json()
        pieces, offset = pieces + piece["content"], piece["next_offset"]
    assert pieces == "Grüße 🙂"
    binary = {"path": "c", "content": base64.b64encode(CONTENT).decode(), "encoding": "base64"}
    assert (await gateway.post("/files/write", json=binary)).status_code == 200
    assert (workspace / "c").read_bytes() == CONTENT
    no_text = await gateway.post("/files/read", json={"path": "c"})
    assert (no_text.status_code, no_text.json()["details"]) == (422, {"byte": 128})
    read = (
        await gateway.post("/files/read", json={"path": "c", "encoding": "base64", "offset": 2000})
    ).json()
    assert base64.b64decode(read["content"]) == CONTENT[2000:]
    assert (await gateway.post("/files/write", json={**binary, "content": "%"})).status_code == 422
    stale = {"path": "c", "content": "", "if_match": stored["etag"]}
    assert (await gateway.post("/files/write", json=stale)).status_code == 412


@pytest.mark.parametrize(
    "path", ["..%2Fx", "a/..%2F..%2Fx", "%2e%2e/x", "a%00b", "%2Fetc%2Fpasswd", "x" * 300]
)
async def test_paths_that_lead_elsewhere_are_refused(gateway: httpx.AsyncClient, path: str) -> None:
    url = httpx.URL(str(gateway.base_url)).copy_with(raw_path=f"/files/{path}".encode())
    for method in ("GET", "PUT", "DELETE"):
        answer = await gateway.request(method, url)
        assert answer.json()["code"] in ("invalid_request", "outside_workspace"), (method, answer.text)


def parsed_or_none(text: str, root: Path) -> tuple[str, ...] | None:
    """None when it was refused as it should be; any other failure fails the test."""
    try:
        return parse_path(text, root)
    except GatewayError as refused:
        return None if refused.status_code in (403, 422) else pytest.fail(refused.message)


@given(st.text(max_size=60) | st.lists(st.sampled_from(["..", ".", "", "a", "é"])).map("/".join))
def test_a_path_is_refused_or_names_something_below_the_workspace(text: str) -> None:
    root = Path("/workspace")
    names = parsed_or_none(text, root)
    if names is None:
        return
    assert not {"", ".", ".."} & set(names)
    assert not any("/" in name or "\0" in name for name in names)
    assert os.path.normpath(root.joinpath(*names)) == str(root.joinpath(*names))


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(NAMES))
def test_every_name_that_a_file_can_have_is_kept_as_it_is(names: list[str]) -> None:
    kept = tuple(name for name in names if name != ".")
    if ".." not in kept:
        assert parse_path("/".join(names), Path("/workspace")) == kept
