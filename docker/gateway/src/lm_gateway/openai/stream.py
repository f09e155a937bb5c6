"""A stream of server-sent events as OpenAI's libraries expect it, kept alive and stopped with its caller."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.disconnect import until_disconnect

PING = b": ping\n\n"
PING_AFTER_S = 15.0
DONE = b"data: [DONE]\n\n"


class CompletionStream(Response):
    """Sends pieces (whole events) the moment they come.

    A failure before the first piece has a status of its own; later it is `data: {"error": …}`, and the
    stream ends without `[DONE]`. After 15 s of silence a comment keeps the connection open: then status 200
    is out, also when the first token is still to come. When the caller leaves, `pieces` is closed, which
    closes the connection to the runtime.
    """

    def __init__(self, pieces: AsyncGenerator[bytes], *, ping_after_s: float = PING_AFTER_S) -> None:
        super().__init__(media_type="text/event-stream")
        # Response counts its (empty) body; a stream has no length.
        del self.headers["content-length"]
        self._pieces = pieces
        self._ping_after_s = ping_after_s
        self._started = False
        self._sent_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        try:
            await until_disconnect(receive, self._send_all(scope, receive, send))
        except GatewayError as error:
            if error.code is not ErrorCode.CLIENT_GONE:
                raise
        finally:
            await self._pieces.aclose()

    async def _send_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        pinging = asyncio.create_task(self._ping(send))
        try:
            async for piece in self._pieces:
                await self._send(send, piece)
        except GatewayError as error:
            if not self._started:
                await error.response(scope["path"])(scope, receive, send)
                return
            await self._send(send, b"data: " + json.dumps(error.openai_body()).encode() + b"\n\n")
        finally:
            pinging.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, piece: bytes) -> None:
        if not self._started:
            self._started = True
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
        self._sent_at = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _ping(self, send: Send) -> None:
        # One timer per stream, not one per token.
        now = asyncio.get_running_loop().time
        while True:
            silent_s = now() - self._sent_at
            if silent_s < self._ping_after_s:
                await asyncio.sleep(self._ping_after_s - silent_s)
            else:
                await self._send(send, PING)
