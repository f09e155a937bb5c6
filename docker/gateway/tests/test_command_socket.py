"""GET /commands/run: one command over a real WebSocket, its streams as bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import processes
from conftest import TOKEN


@asynccontextmanager
async def command(gateway: httpx.AsyncClient, cmd: str, **fields: object) -> AsyncIterator[ClientConnection]:
    address = str(gateway.base_url).replace("http://", "ws://").rstrip("/")
    async with connect(
        f"{address}/commands/run",
        additional_headers={"Authorization": f"Bearer {TOKEN}"},
        compression=None,
        proxy=None,
        max_size=None,
    ) as socket:
        await socket.send(json.dumps({"cmd": cmd, **fields}))
        yield socket


async def read_all(socket: ClientConnection) -> tuple[bytes, bytes, dict[str, object]]:
    """Standard output, standard error, and the last word."""
    streams = {1: bytearray(), 2: bytearray()}
    while isinstance(message := await asyncio.wait_for(socket.recv(), 20), bytes):
        streams[message[0]] += message[1:]
    told: dict[str, object] = json.loads(message)
    told.pop("duration_ms", None)
    return bytes(streams[1]), bytes(streams[2]), told


async def test_streams_are_the_bytes_they_are(gateway: httpx.AsyncClient) -> None:
    async with command(gateway, r"printf '\xff\x00\xc3'; printf '\xfe' >&2; exit 7") as socket:
        output, error, told = await read_all(socket)
    assert (output, error) == (b"\xff\x00\xc3", b"\xfe")
    assert told == {"type": "exit", "exit_code": 7, "timed_out": False}


async def test_input_goes_in_as_bytes_up_to_its_end(gateway: httpx.AsyncClient) -> None:
    data = os.urandom(3_000_000)
    async with command(gateway, "cat", stdin_open=True) as socket:
        reading = asyncio.create_task(read_all(socket))
        for start in range(0, len(data), 65_536):
            await socket.send(data[start : start + 65_536])
        await socket.send('{"type": "eof"}')
        output, _, told = await reading
    assert output == data
    assert told["exit_code"] == 0


async def test_a_command_that_reads_no_more_ends_as_ever(gateway: httpx.AsyncClient) -> None:
    async with command(gateway, "head -c 1 > /dev/null", stdin_open=True) as socket:
        # It may have ended, and the connection with it, before all is sent.
        with contextlib.suppress(ConnectionClosed):
            for _ in range(64):
                await socket.send(b"x" * 65_536)
        assert (await read_all(socket))[2]["exit_code"] == 0


async def test_the_word_end_leaves_nothing_alive(gateway: httpx.AsyncClient) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    stubborn = f"setsid sleep {mark} & trap '' TERM; echo on; sleep {mark}; sleep {mark}"
    async with command(gateway, stubborn) as socket:
        assert await asyncio.wait_for(socket.recv(), 20) == b"\x01on\n"
        await socket.send('{"type": "end"}')
        assert (await read_all(socket))[2]["type"] == "exit"
        assert processes.with_argument(mark) == []


async def test_going_away_leaves_nothing_alive(gateway: httpx.AsyncClient) -> None:
    mark = f"98764.{uuid.uuid4().int % 10**9}"
    async with command(gateway, f"yes & echo on; setsid sleep {mark}") as socket:
        await asyncio.wait_for(socket.recv(), 20)
        # `yes` may be heard before the other has begun.
        assert await processes.eventually(lambda: processes.with_argument(mark) != [])
    assert await processes.eventually(lambda: processes.with_argument(mark) == [])


async def test_a_time_limit_ends_it(gateway: httpx.AsyncClient) -> None:
    async with command(gateway, "sleep 100", timeout_s=0.2) as socket:
        told = (await read_all(socket))[2]
    assert told == {"type": "exit", "exit_code": 143, "timed_out": True}


async def test_a_request_that_is_none_is_refused_with_the_reason(gateway: httpx.AsyncClient) -> None:
    async with command(gateway, "true", nonsense=1) as socket:
        told = (await read_all(socket))[2]
    assert told["type"] == "error"
    assert told["code"] == "invalid_request"


async def test_a_slow_reader_slows_the_command(gateway: httpx.AsyncClient) -> None:
    async with command(gateway, "head -c 50000000 /dev/zero; echo end >&2") as socket:
        await asyncio.sleep(0.5)
        output, error, told = await read_all(socket)
    assert (len(output), error, told["exit_code"]) == (50_000_000, b"end\n", 0)
