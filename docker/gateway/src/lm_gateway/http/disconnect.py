"""Work that ends when the caller goes away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from typing import TypeAlias, TypeVar

from pydantic import JsonValue
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lm_gateway.errors import ErrorCode, GatewayError

Result = TypeVar("Result")


async def wait_for_disconnect(receive: Receive) -> None:
    """Returns when the caller is gone. The request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def until_disconnect(receive: Receive, work: Coroutine[None, None, Result]) -> Result:
    """Runs `work`; if the caller goes away first, cancels it, waits for its end and raises CLIENT_GONE."""
    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(wait_for_disconnect(receive))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise GatewayError(ErrorCode.CLIENT_GONE, "the caller went away")
    finally:
        for future in (task, watcher):
            future.cancel()
        await asyncio.gather(task, watcher, return_exceptions=True)


async def send_until_disconnect(receive: Receive, sending: Coroutine[None, None, None]) -> None:
    """Runs what sends an answer. When the caller goes away first there is nobody to tell."""
    try:
        await until_disconnect(receive, sending)
    except GatewayError as error:
        if error.code is not ErrorCode.CLIENT_GONE:
            raise


Event: TypeAlias = Mapping[str, JsonValue]


EVENT_STREAM_TYPE = "text/event-stream"


def wants_server_sent_events(headers: Headers) -> bool:
    """Whether the caller asked for SSE instead of one JSON event per line."""
    accepted = headers.get("accept", "").lower().split(",")
    return EVENT_STREAM_TYPE in [kind.partition(";")[0].strip() for kind in accepted]


class EventStream(Response):
    """Newline-delimited JSON, or server-sent events: then `event` is the type, `id` the number and `data`
    the same JSON. Numbers the events with `seq` unless they have it. `on_end` is awaited whatever happens."""

    def __init__(
        self,
        events: AsyncGenerator[Event],
        on_end: Callable[[], Awaitable[None]] | None = None,
        *,
        server_sent: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            media_type=EVENT_STREAM_TYPE if server_sent else "application/x-ndjson", headers=headers
        )
        # Response counts its (empty) body; a stream has no length.
        del self.headers["content-length"]
        self._events = events
        self._on_end = on_end
        self._server_sent = server_sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send_until_disconnect(receive, self._send_all(send))
        finally:
            await self._events.aclose()
            if self._on_end is not None:
                await self._on_end()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sequence = 0
        async for event in self._events:
            numbered = {"seq": sequence, **event}
            await send({"type": "http.response.body", "body": self._encoded(numbered), "more_body": True})
            sequence += 1
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _encoded(self, event: Event) -> bytes:
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if not self._server_sent:
            return line
        # JSON has no line breaks of its own, so one data line holds it.
        return f"event: {event['type']}\nid: {event['seq']}\ndata: ".encode() + line + b"\n"
