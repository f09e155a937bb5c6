"""Passes one request through to a runtime and its answer back, piece by piece, with no buffer between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable

import httpx
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from lm_gateway.errors import GatewayError
from lm_gateway.health.parts import Parts
from lm_gateway.http.disconnect import wait_for_disconnect
from lm_gateway.http.upstream import Runtime, as_gateway_error

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
# The token is for the gateway; the runtimes have none. Compressed answers could not be streamed evenly.
NOT_FORWARDED = HOP_BY_HOP | {b"host", b"authorization", b"cookie", b"accept-encoding"}
NOT_RETURNED = HOP_BY_HOP | {b"set-cookie", b"server", b"date"}


class ClientGone(Exception):
    """The caller went away while its body was read."""


class ProxyAnswer(Response):
    """The whole exchange. Whatever happens first ends it: the answer's end or the caller's leaving,
    which closes the connection to the runtime, and so stops its work."""

    def __init__(self, client: httpx.AsyncClient, runtime: Runtime, parts: Parts, path: str) -> None:
        super().__init__()
        self._client = client
        self._runtime = runtime
        self._parts = parts
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body_read = asyncio.Event()
        request = self._request(scope, receive, body_read)
        exchange = asyncio.create_task(self._exchange(request, scope, receive, send))
        watcher = asyncio.create_task(_leaving(receive, body_read))
        try:
            await asyncio.wait({exchange, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if exchange.done():
                exchange.result()
        finally:
            for task in (exchange, watcher):
                task.cancel()
            await asyncio.gather(exchange, watcher, return_exceptions=True)

    def _request(self, scope: Scope, receive: Receive, body_read: asyncio.Event) -> httpx.Request:
        headers = [(name, value) for name, value in scope["headers"] if name not in NOT_FORWARDED]
        names = Headers(scope=scope)
        has_body = names.get("content-length", "0") != "0" or "transfer-encoding" in names
        if not has_body:
            body_read.set()
        url = httpx.URL(self._runtime.url).copy_with(raw_path=self._raw_path(scope))
        return self._client.build_request(
            scope["method"],
            url,
            headers=[*headers, (b"accept-encoding", b"identity")],
            content=_body(receive, body_read) if has_body else None,
        )

    def _raw_path(self, scope: Scope) -> bytes:
        query = scope["query_string"]
        return self._path.encode("ascii") + (b"?" + query if query else b"")

    async def _exchange(self, request: httpx.Request, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            told = await as_gateway_error(error, self._runtime, self._parts)
            await told.response()(scope, receive, send)
            return
        except ClientGone:
            return
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": answer.status_code,
                    "headers": list(_returned(answer.headers.raw)),
                }
            )
            try:
                async for piece in answer.aiter_raw():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except httpx.TransportError as error:
                await self._tell_late(error, answer, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await answer.aclose()

    async def _tell_late(self, error: httpx.TransportError, answer: httpx.Response, send: Send) -> None:
        """After status 200 an error can only be told in the stream itself, in the stream's own form."""
        told = await as_gateway_error(error, self._runtime, self._parts)
        line = late_error(told, answer.headers.get("content-type", ""))
        if line is None:
            # Breaking off is the only sign left: the caller sees an incomplete body.
            raise told
        await send({"type": "http.response.body", "body": line, "more_body": True})


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
