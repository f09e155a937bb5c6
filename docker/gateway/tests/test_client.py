"""The HTTP client: what a kept connection, a broken one and an unusual answer mean for a request."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest

from lm_gateway.http.client import BrokenOff, HttpClient, NotReached

Talk: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """A server that talks as told; `talk` gets the number of the connection, from 0."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        try:
            await talk(reader, writer, count - 1)
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def test_a_kept_connection_is_used_again() -> None:
    connections: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        for _ in range(2):
            await head(reader)
            connections.append(number)
            writer.write(OK)

    async with server(talk) as url, HttpClient() as client:
        for _ in range(2):
            assert (await client.request("GET", url)).content == b"ok"
    assert connections == [0, 0]


async def test_a_request_takes_a_fresh_connection_when_the_kept_one_was_closed_a_moment_ago() -> None:
    answered, closed = threading.Event(), threading.Event()
    requests: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            connection.settimeout(5)
            with connection:
                requests.append(connection.recv(1000))
                connection.sendall(OK)
                answered.wait(5)
            closed.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        serving = threading.Thread(target=serve, args=(listener,), daemon=True)
        serving.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with HttpClient() as client:
            await client.request("POST", url + "/first", json={})
            answered.set()
            # This holds the loop up, so that the client cannot have heard of it.
            assert closed.wait(5)
            assert (await client.request("POST", url + "/second", json={})).content == b"ok"
        serving.join(5)
    assert [request.split()[1] for request in requests] == [b"/first", b"/second"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_a_request_that_was_sent_is_never_sent_again(method: str) -> None:
    requests: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        requests.append(await head(reader))
        if len(requests) == 1:
            writer.write(OK)
            requests.append(await head(reader))

    async with server(talk) as url, HttpClient() as client:
        await client.request(method, url)
        with pytest.raises(BrokenOff):
            await client.request(method, url)
    assert len(requests) == 2


async def test_a_server_that_is_not_there_is_not_reached() -> None:
    async with HttpClient() as client:
        with pytest.raises(NotReached):
            await client.request("GET", "http://127.0.0.1:9")


async def test_a_time_limit_breaks_off() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.read()

    async with server(talk) as url, HttpClient() as client:
        with pytest.raises(BrokenOff):
            await client.request("GET", url, timeout_s=0.05)


async def test_what_a_body_raises_comes_out_unchanged() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        raise KeyError("the caller's own")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.read()

    async with server(talk) as url, HttpClient() as client:
        with pytest.raises(KeyError):
            async with client.stream("POST", url, content=body()):
                pass


async def test_an_answer_is_given_as_it_is() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        request = await head(reader)
        assert request.split(b"\r\n")[0] == b"GET /a%2fb/%C3%A4?x=%20+1&y HTTP/1.1"
        assert b"user-agent" not in request.lower()
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        writer.write(b"HTTP/1.1 301 Moved\r\nLocation: /b\r\nX-Two: 1\r\nX-Two: 2\r\nSet-Cookie: a=b\r\n")
        writer.write(b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nno\xff!")

    async with server(talk) as url, HttpClient() as client:
        for _ in range(2):
            async with client.stream("GET", url + "/a%2fb/%C3%A4?x=%20+1&y", headers=[]) as answer:
                assert answer.status == 301
                assert [value for name, value in answer.headers if name == b"X-Two"] == [b"1", b"2"]
                assert await answer.read() == b"no\xff!"


async def test_leaving_a_streamed_answer_closes_its_connection() -> None:
    left = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na\nb\r\n\r\n")
        assert await reader.read() == b""
        left.set()

    async with server(talk) as url, HttpClient() as client:
        async with client.stream("GET", url) as answer:
            async for line in answer.lines():
                assert line == "a"
                break
        await asyncio.wait_for(left.wait(), 5)


async def test_a_head_request_and_an_empty_answer_have_no_body() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n")
        await head(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with server(talk) as url, HttpClient() as client:
        async with client.stream("HEAD", url) as answer:
            assert (b"Content-Length", b"70") in answer.headers
            assert await answer.read() == b""
        assert (await client.request("DELETE", url)).content == b""


async def test_a_large_body_is_sent_whole_with_its_length() -> None:
    received = b""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        nonlocal received
        assert b"content-length: 3000000\r\n" in (await head(reader)).lower()
        received = await reader.readexactly(3_000_000)
        writer.write(OK)

    body = b"x" * 3_000_000
    async with (
        server(talk) as url,
        HttpClient() as client,
        client.stream("POST", url, content=body) as answer,
    ):
        assert await answer.text() == "ok"
    assert received == body
