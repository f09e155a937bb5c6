"""Passes one request through to a runtime and its answer back, piece by piece, with no buffer between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from lm_gateway.errors import GatewayError
from lm_gateway.http.client import IDENTITY
from lm_gateway.http.disconnect import wait_for_disconnect
from lm_gateway.http.upstream import Runtime, Upstream

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# The token is for the gateway; the runtimes have none. Compressed answers could not be streamed evenly. What
# a caller expects before it sends its body, the gateway's server has already answered.
NOT_FORWARDED = HOP_BY_HOP | {b"host", b"authorization", b"cookie", b"accept-encoding", b"expect"}
NOT_RETURNED = HOP_BY_HOP | {b"set-cookie", b"server", b"date"}


class ClientGone(Exception):
    """The caller went away while its body was read."""


class ProxyAnswer(Response):
    """The whole exchange. Whatever happens first ends it: the answer's end or the caller's leaving,
    which closes the connection to the runtime, and so stops its work."""

    def __init__(self, upstream: Upstream, runtime: Runtime, path: str) -> None:
        super().__init__()
        self._upstream = upstream
        self._runtime = runtime
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body_read = asyncio.Event()
        exchange = asyncio.create_task(self._exchange(scope, receive, send, body_read))
        watcher = asyncio.create_task(_leaving(receive, body_read))
        try:
            await asyncio.wait({exchange, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if exchange.done():
                exchange.result()
        finally:
            for task in (exchange, watcher):
                task.cancel()
            await asyncio.gather(exchange, watcher, return_exceptions=True)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send, body_read: asyncio.Event) -> None:
        names = Headers(scope=scope)
        has_body = names.get("content-length", "0") != "0" or "transfer-encoding" in names
        if not has_body:
            body_read.set()
        headers = [(name, value) for name, value in scope["headers"] if name not in NOT_FORWARDED]
        content_type: str | None = None
        try:
            async with self._upstream.stream(
                self._runtime,
                scope["method"],
                self._path_and_query(scope),
                headers=[*headers, IDENTITY],
                content=_body(receive, body_read) if has_body else None,
            ) as answer:
                content_type = answer.content_type
                await send(
                    {
                        "type": "http.response.start",
                        "status": answer.status,
                        "headers": list(_returned(answer.headers)),
                    }
                )
                async for piece in answer.pieces():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except ClientGone:
            return
        except GatewayError as error:
            # After its head an answer's failure can only be told in the answer itself, in its own form. Where
            # that has none, breaking off is the only sign left: the caller sees an incomplete body.
            line = None if content_type is None else late_error(error, content_type)
            if line is None:
                raise
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _path_and_query(self, scope: Scope) -> str:
        query = scope["query_string"]
        return self._path + ("?" + query.decode("ascii") if query else "")


def late_error(error: GatewayError, content_type: str) -> bytes | None:
    """An error as a piece of a running stream; None when the kind of stream has no place for one."""
    if content_type.startswith("text/event-stream"):
        event = {"error": {"message": error.message, "type": error.code.code, "code": error.status_code}}
        return b"data: " + json.dumps(event).encode() + b"\n\n"
    if content_type.startswith("application/x-ndjson"):
        return json.dumps(error.body()).encode() + b"\n"
    return None


def _returned(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    for name, value in headers:
        lower = name.lower()
        if lower not in NOT_RETURNED:
            yield lower, value


async def _body(receive: Receive, body_read: asyncio.Event) -> AsyncGenerator[bytes]:
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body", False):
            body_read.set()
            return


async def _leaving(receive: Receive, body_read: asyncio.Event) -> None:
    # Both read from `receive`: the body first, then the news that the caller is gone.
    await body_read.wait()
    await wait_for_disconnect(receive)
