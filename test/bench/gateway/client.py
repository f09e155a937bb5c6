"""A small HTTP/1.1 client over asyncio: as little of its own as can be between the clock and the server."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Server:
    """Where a server listens on this machine, and its token."""

    port: int
    token: str | None = None

    def head(self, method: str, path: str, body: bytes) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Content-Type: application/json"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()


GATEWAY = Server(8000, os.environ.get("BENCH_TOKEN"))
LLAMA = Server(9931)
NAIVE = Server(8100)


class Connection:
    """One kept connection. Requests go one after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Connection:
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._server.port, limit=8 * 1024 * 1024
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._writer
        self._writer.close()

    async def json(self, method: str, path: str, value: object = None) -> dict[str, object]:
        body = b"".join([piece async for piece in self.stream(method, path, value)])
        answer = json.loads(body)
        assert isinstance(answer, dict)
        return answer

    async def stream(self, method: str, path: str, value: object = None) -> AsyncIterator[bytes]:
        """The pieces of the answer's body as they come. Raises RuntimeError for another status than 200."""
        assert self._reader and self._writer
        body = b"" if value is None else json.dumps(value).encode()
        self._writer.write(self._server.head(method, path, body) + body)
        status = await self._reader.readline()
        length: int | None = None
        while (line := await self._reader.readline()) not in (b"\r\n", b""):
            name, _, text = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(text)
        if b" 200 " not in status:
            rest = await self._reader.read(2000)
            raise RuntimeError(f"{method} {path}: {status.decode().strip()} {rest.decode(errors='replace')}")
        if length is not None:
            yield await self._reader.readexactly(length)
            return
        while size := int(await self._reader.readline(), 16):
            yield await self._reader.readexactly(size)
            await self._reader.readline()
        await self._reader.readline()
