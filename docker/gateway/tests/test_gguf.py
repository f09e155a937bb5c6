"""/models/gguf: uploads whole and in pieces, refused files, deletion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

import processes
from conftest import MakeSettings, StartGateway

MODEL = b"GGUF" + bytes(range(256)) * 40
URL = "/models/gguf/tiny.gguf"


async def test_an_uploaded_file_is_listed_with_its_size(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    assert (await gateway.get("/models/gguf")).json() == {"files": []}
    answer = await gateway.put(URL, content=MODEL)
    assert answer.status_code == 201
    assert answer.json() == {"name": "tiny.gguf", "size_bytes": len(MODEL), "complete": True, "listed": False}
    (file,) = (await gateway.get("/models/gguf")).json()["files"]
    assert (file["name"], file["size_bytes"], file["complete"]) == ("tiny.gguf", len(MODEL), True)
    assert (make_settings().gguf_dir / "tiny.gguf").read_bytes() == MODEL


async def test_pieces_make_a_file_and_the_answer_says_how_much_has_arrived(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    total = len(MODEL)
    first = await gateway.put(URL, content=MODEL[:1000], headers={"Content-Range": f"bytes 0-999/{total}"})
    assert (first.status_code, first.json()["size_bytes"], first.json()["complete"]) == (202, 1000, False)
    shown = (await gateway.get(URL)).json()
    assert (shown["size_bytes"], shown["complete"]) == (1000, False)
    assert not (make_settings().gguf_dir / "tiny.gguf").exists()
    gap = await gateway.put(
        URL, content=MODEL[2000:], headers={"Content-Range": f"bytes 2000-{total - 1}/{total}"}
    )
    assert (gap.status_code, gap.json()["details"]) == (409, {"received_bytes": 1000})
    rest = await gateway.put(
        URL, content=MODEL[1000:], headers={"Content-Range": f"bytes 1000-{total - 1}/{total}"}
    )
    assert (rest.status_code, rest.json()["complete"]) == (201, True)
    assert (make_settings().gguf_dir / "tiny.gguf").read_bytes() == MODEL


async def test_what_has_arrived_of_a_broken_upload_can_be_continued(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    part = make_settings().uploads_dir / "tiny.gguf"

    async def breaks_off() -> AsyncIterator[bytes]:
        yield MODEL[:3000]
        assert await processes.eventually(lambda: part.exists() and part.stat().st_size == 3000)
        raise ConnectionError("scripted")

    with pytest.raises(ConnectionError):
        await gateway.put(URL, content=breaks_off(), headers={"Content-Length": str(len(MODEL))})
    rest = {"Content-Range": f"bytes 3000-{len(MODEL) - 1}/{len(MODEL)}"}
    shown = (await gateway.get(URL)).json()
    assert (shown["size_bytes"], shown["complete"]) == (3000, False)
    async with asyncio.timeout(10):  # until the gateway has noticed that the first caller is gone
        while (answer := await gateway.put(URL, content=MODEL[3000:], headers=rest)).status_code == 409:
            await asyncio.sleep(0.01)
    assert answer.status_code == 201, answer.text
    assert (make_settings().gguf_dir / "tiny.gguf").read_bytes() == MODEL


@pytest.mark.parametrize("content", [b"<html>not found</html>", b"", b"GG", b"PK\x03\x04" + bytes(100)])
async def test_a_file_that_is_no_gguf_is_refused_and_leaves_nothing(
    gateway: httpx.AsyncClient, make_settings: MakeSettings, content: bytes
) -> None:
    answer = await gateway.put(URL, content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_model_file")
    assert (await gateway.get("/models/gguf")).json() == {"files": []}
    assert list(make_settings().uploads_dir.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["..%2Fx.gguf", "%2e%2e.gguf", "x.bin", ".hidden.gguf", "a b.gguf", "x.gguf.part"]
)
async def test_a_name_that_is_no_plain_gguf_name_is_refused(gateway: httpx.AsyncClient, name: str) -> None:
    answer = await gateway.put(f"/models/gguf/{name}", content=MODEL)
    assert answer.status_code in (404, 405, 422), answer.text


async def test_an_existing_file_is_replaced_only_on_demand(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    await gateway.put(URL, content=MODEL)
    refused = await gateway.put(URL, content=MODEL + b"2")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await gateway.put(URL + "?overwrite=true", content=MODEL + b"2")).status_code == 201
    assert (make_settings().gguf_dir / "tiny.gguf").read_bytes() == MODEL + b"2"


async def test_a_file_larger_than_the_free_disk_is_refused_before_it_is_sent(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(disk_reserve_bytes=2**60))
    answer = await gateway.put(URL, content=MODEL)
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert answer.json()["details"]["needed_bytes"] == len(MODEL)


@pytest.mark.parametrize(
    "content_range", ["bytes 5-4/10", "bytes 0-10/10", "bytes 0-3/*", "nonsense", "bytes 0-9/10"]
)
async def test_a_range_that_does_not_fit_is_refused(gateway: httpx.AsyncClient, content_range: str) -> None:
    answer = await gateway.put(URL, content=b"GGUF", headers={"Content-Range": content_range})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_two_uploads_of_one_name_do_not_mix(
    gateway: httpx.AsyncClient, make_settings: MakeSettings
) -> None:
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield MODEL[:100]
        await go_on.wait()
        yield MODEL[100:]

    first = asyncio.create_task(gateway.put(URL, content=slowly()))
    part = make_settings().uploads_dir / "tiny.gguf"
    assert await processes.eventually(lambda: part.exists() and part.stat().st_size > 0)
    second = await gateway.put(URL, content=MODEL)
    assert (second.status_code, second.json()["code"]) == (409, "conflict")
    go_on.set()
    assert (await first).status_code == 201


async def test_a_deleted_file_is_gone_and_a_missing_one_is_named(gateway: httpx.AsyncClient) -> None:
    await gateway.put(URL, content=MODEL)
    assert (await gateway.delete(URL)).json() == {"name": "tiny.gguf"}
    assert (await gateway.get("/models/gguf")).json() == {"files": []}
    missing = await gateway.delete(URL)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
