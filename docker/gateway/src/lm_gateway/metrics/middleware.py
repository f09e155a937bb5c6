"""Counts every request, those that are refused before they are routed too."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lm_gateway.metrics.metrics import UNROUTED, Metrics

STARTS = ("http.response.start", "websocket.http.response.start")
BODIES = ("http.response.body", "websocket.http.response.body")
SWITCHING_PROTOCOLS = 101
# What uvicorn answers when the application answers nothing.
NO_ANSWER = 500


class MetricsMiddleware:
    """The outermost one. It adds two function calls to each message and keeps nothing of it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        status, received, sent = NO_ANSWER, 0, 0
        started_at = time.monotonic()

        async def receiving() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body") or message.get("bytes") or message.get("text") or b"")
            return message

        async def sending(message: Message) -> None:
            nonlocal status, sent
            if message["type"] in BODIES:
                sent += len(message.get("body", b""))
            elif message["type"] in STARTS:
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = SWITCHING_PROTOCOLS
            elif message["type"] == "websocket.send":
                sent += len(message.get("bytes") or message.get("text") or b"")
            await send(message)

        self._metrics.begin()
        try:
            await self._app(scope, receiving, sending)
        finally:
            self._metrics.end(
                route=getattr(scope.get("route"), "path", UNROUTED),
                method=scope.get("method", "WEBSOCKET"),
                status=status,
                seconds=time.monotonic() - started_at,
                received_bytes=received,
                sent_bytes=sent,
                error_code=scope.get("state", {}).get("error_code"),
            )
