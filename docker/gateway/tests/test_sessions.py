"""Sessions: real programs on real pseudo-terminals, over real WebSockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import processes
from conftest import TOKEN, MakeSettings, StartGateway
from lm_gateway.sessions.scrollback import Scrollback
from lm_gateway.settings import SessionLimits


async def start(gateway: httpx.AsyncClient, command: str | None = None, **fields: object) -> str:
    body = fields if command is None else {"command": command, **fields}
    response = await gateway.post("/sessions", json=body)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


@asynccontextmanager
async def attached(
    gateway: httpx.AsyncClient, session_id: str, token: str = TOKEN, **headers: str
) -> AsyncIterator[ClientConnection]:
    address = str(gateway.base_url).replace("http://", "ws://").rstrip("/")
    async with connect(
        f"{address}/sessions/{session_id}/attach",
        additional_headers={"Authorization": f"Bearer {token}", **headers},
        compression=None,
        proxy=None,
    ) as socket:
        yield socket


async def read_until(socket: ClientConnection, wanted: bytes) -> bytes:
    """The terminal's bytes up to what is wanted."""
    received = b""
    while wanted not in received:
        message = await asyncio.wait_for(socket.recv(), 20)
        assert isinstance(message, bytes), message
        received += message
    return received


async def read_exit(socket: ClientConnection) -> tuple[bytes, dict[str, object]]:
    """The rest of the terminal's bytes, and how the session ended."""
    received = bytearray()
    while isinstance(message := await asyncio.wait_for(socket.recv(), 20), bytes):
        received += message
    told: dict[str, object] = json.loads(message)
    with pytest.raises(ConnectionClosed):
        await socket.recv()
    return bytes(received), told


async def test_a_session_is_a_shell_on_a_terminal(gateway: httpx.AsyncClient) -> None:
    session_id = await start(gateway, columns=101, rows=33)
    async with attached(gateway, session_id) as socket:
        await socket.send(b"test -t 0 && stty size && echo $((40+2)) $TERM && tty && exit 3\n")
        output, told = await read_exit(socket)
    assert b"33 101\r\n42 xterm-256color\r\n/dev/pts/" in output
    assert told == {"type": "exit", "exit_code": 3}


async def test_a_session_has_job_control(gateway: httpx.AsyncClient) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    async with attached(gateway, await start(gateway)) as socket:
        await socket.send(f"sleep {mark}\n".encode())
        assert await processes.eventually(lambda: processes.with_argument(mark) != [])
        await socket.send(b"\x1a")
        await read_until(socket, b"Stopped")


async def test_a_new_size_reaches_the_program(gateway: httpx.AsyncClient) -> None:
    session_id = await start(
        gateway, "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"
    )
    async with attached(gateway, session_id) as socket:
        await read_until(socket, b"ready")
        await socket.send(json.dumps({"type": "resize", "columns": 77, "rows": 11}))
        assert b"11 77" in await read_until(socket, b"11 77")
    status = (await gateway.get(f"/sessions/{session_id}")).json()
    assert (status["columns"], status["rows"]) == (77, 11)


async def test_a_signal_goes_to_the_program_in_the_foreground(gateway: httpx.AsyncClient) -> None:
    async with attached(gateway, await start(gateway)) as socket:
        await socket.send(b"sleep 60; echo sta''tus=$?\n")
        await read_until(socket, b"sleep 60")
        assert await processes.eventually(lambda: processes.with_argument("sleep\x0060") != [])
        await socket.send(json.dumps({"type": "signal", "signal": "QUIT"}))
        await read_until(socket, b"status=131")


@pytest.mark.parametrize("message", ["no json", "{}", '{"type":"resize","columns":0,"rows":1}'])
async def test_a_wrong_control_message_is_told_and_harms_nothing(
    gateway: httpx.AsyncClient, message: str
) -> None:
    async with attached(gateway, await start(gateway, "read x; echo got $x")) as socket:
        await socket.send(message)
        told = await socket.recv()
        assert isinstance(told, str)
        assert json.loads(told)["type"] == "error"
        await socket.send(b"it\n")
        assert b"got it" in (await read_exit(socket))[0]


async def test_who_comes_later_sees_what_was_there(gateway: httpx.AsyncClient) -> None:
    session_id = await start(gateway, "seq 1 100000; echo ready; read x; exit 5")
    async with attached(gateway, session_id) as socket:
        await read_until(socket, b"ready")
    async with attached(gateway, session_id) as one, attached(gateway, session_id) as two:
        seen = [await read_until(socket, b"ready") for socket in (one, two)]
        assert seen[0] == seen[1]
        assert 256 * 1024 - 64 * 1024 < len(seen[0]) <= 256 * 1024
        assert b"\r\n100000\r\nready" in seen[0]
        assert (await gateway.get(f"/sessions/{session_id}")).json()["attached"] == 2
        await two.send(b"\n")
        assert (await read_exit(one))[1] == {"type": "exit", "exit_code": 5}
    async with attached(gateway, session_id) as late:
        output, told = await read_exit(late)
        assert (b"100000" in output, told["exit_code"]) == (True, 5)


async def test_a_slow_reader_slows_the_program_and_loses_nothing(gateway: httpx.AsyncClient) -> None:
    lines = 3_000_000
    session_id = await start(gateway, f"read x; seq 1 {lines}")
    async with attached(gateway, session_id) as socket:
        await socket.send(b"\n")
        await read_until(socket, b"5000\r\n")
        written = 0
        # Until it stands still.
        while written != (now := (await gateway.get(f"/sessions/{session_id}")).json()["output_bytes"]):
            written = now
            await asyncio.sleep(0.3)
        output, told = await read_exit(socket)
        total = (await gateway.get(f"/sessions/{session_id}")).json()["output_bytes"]
    assert written < total * 0.8
    assert output.endswith(f"\r\n{lines}\r\n".encode())
    numbers = [int(line) for line in output.split()[1:]]
    assert numbers == list(range(numbers[0], lines + 1))
    assert told["exit_code"] == 0


async def test_a_paste_larger_than_the_terminal_takes_arrives_whole(gateway: httpx.AsyncClient) -> None:
    session_id = await start(gateway, "stty raw -echo; echo ready; head -c 200000 | md5sum; echo end")
    async with attached(gateway, session_id) as socket:
        await read_until(socket, b"ready")
        await socket.send(b"x" * 200_000)
        assert hashlib.md5(b"x" * 200_000).hexdigest().encode() in await read_until(socket, b"end")


STYLES = {
    "in the background": "sleep {0} &",
    "nohup": "nohup sleep {0} >/dev/null 2>&1 &",
    "setsid": "setsid sleep {0} &",
    "double fork": "( ( setsid sleep {0} >/dev/null 2>&1 & ) & )",
    "signals ignored": "(trap '' HUP TERM INT; sleep {0}; sleep {0}) &",
}


@pytest.mark.parametrize("style", STYLES)
async def test_nothing_is_left_alive_after_a_session_is_deleted(
    gateway: httpx.AsyncClient, style: str
) -> None:
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    session_id = await start(gateway)
    async with attached(gateway, session_id) as socket:
        await socket.send(STYLES[style].format(mark).encode() + b"\n")
        assert await processes.eventually(lambda: processes.with_argument(mark) != [])
        ended = await gateway.delete(f"/sessions/{session_id}")
        assert (ended.status_code, ended.json()["state"]) == (200, "exited")
        assert processes.with_argument(mark) == []
        assert (await read_exit(socket))[1]["type"] == "exit"
    assert (await gateway.get(f"/sessions/{session_id}")).status_code == 404


async def test_leaving_a_session_leaves_it_running(gateway: httpx.AsyncClient) -> None:
    session_id = await start(gateway, "read x; echo $x; read y")
    async with attached(gateway, session_id) as socket:
        await socket.send(b"first\n")
        await read_until(socket, b"first\r\nfirst")
    listed = (await gateway.get("/sessions")).json()["sessions"]
    assert [(session["id"], session["state"]) for session in listed] == [(session_id, "running")]


async def test_nobody_using_a_session_for_long_ends_it(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(sessions=SessionLimits(idle_s=0.2)))
    mark = f"98765.{uuid.uuid4().int % 10**9}"
    await start(gateway, f"sleep {mark}")
    assert await processes.eventually(lambda: processes.with_argument(mark) != [], within_s=2)
    assert await processes.eventually(lambda: processes.with_argument(mark) == [])


async def test_one_session_too_many_is_refused_for_now(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(sessions=SessionLimits(concurrent=1)))
    session_id = await start(gateway)
    refused = await gateway.post("/sessions", json={})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    await gateway.delete(f"/sessions/{session_id}")
    await start(gateway)


async def test_only_the_last_ended_sessions_are_remembered(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(sessions=SessionLimits(ended_kept=2)))
    ids = []
    for _ in range(4):
        ids.append(await start(gateway, "true"))
        async with attached(gateway, ids[-1]) as socket:
            await read_exit(socket)
    listed = (await gateway.get("/sessions")).json()["sessions"]
    assert [session["id"] for session in listed] == ids[-2:]


async def test_an_attachment_needs_the_token_and_no_page_gets_one(gateway: httpx.AsyncClient) -> None:
    session_id = await start(gateway)
    for token, headers in ((TOKEN, {"Origin": "http://127.0.0.1:8000"}), ("wrong" * 5, {})):
        with pytest.raises(InvalidStatus):
            async with attached(gateway, session_id, token, **headers):
                pass
    with pytest.raises(ConnectionClosed) as closed:
        async with attached(gateway, "none") as socket:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4404


async def test_a_session_sees_no_variable_of_the_gateway(
    gateway: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LM_API_TOKEN", "a-secret-that-must-not-leak")
    async with attached(gateway, await start(gateway, "env; nice", env={"GREETING": "grüße"})) as socket:
        output, _ = await read_exit(socket)
    assert b"LM_API_TOKEN" not in output
    assert "GREETING=grüße".encode() in output
    assert output.endswith(b"\r\n2\r\n")


async def test_sessions_leave_no_descriptor_and_no_process_behind(gateway: httpx.AsyncClient) -> None:
    await gateway.delete(f"/sessions/{await start(gateway)}")
    before = len(list(Path("/proc/self/fd").iterdir()))
    children = processes.children_of(os.getpid())
    for _ in range(5):
        session_id = await start(gateway)
        async with attached(gateway, session_id) as socket:
            await socket.send(b"echo x\n")
            await read_until(socket, b"x")
        await gateway.delete(f"/sessions/{session_id}")
    assert await processes.eventually(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before)
    assert processes.children_of(os.getpid()) == children


@given(st.lists(st.binary(max_size=60), max_size=30), st.integers(1, 100))
def test_a_scrollback_gives_the_last_bytes_from_any_place(pieces: list[bytes], max_bytes: int) -> None:
    scrollback = Scrollback(max_bytes)
    for piece in pieces:
        scrollback.add(piece)
    whole = b"".join(pieces)
    assert scrollback.end == len(whole)
    assert scrollback.start == max(0, len(whole) - max_bytes)
    for place in range(len(whole) + 1):
        read, position = b"", max(place, scrollback.start)
        while more := scrollback.read(position):
            read += more
            position += len(more)
        assert read == whole[max(place, scrollback.start) :]
