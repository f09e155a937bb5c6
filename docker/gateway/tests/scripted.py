"""A scripted model server, for what the real ones cannot be made to do on demand: break off in the middle,
answer nonsense, wait for ever. It also notes when a caller leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send


class ScriptedRuntime:
    """An ASGI application. `chat_lines` is what its chat routes stream; an `Exception` in it breaks off.
    `answers` are the statuses and JSON of other paths, and come before everything else."""

    def __init__(
        self,
        *chat_lines: str | Exception,
        media_type: str = "application/x-ndjson",
        answers: Mapping[str, tuple[int, object]] | None = None,
    ) -> None:
        self._chat_lines = chat_lines
        self._media_type = media_type
        self.answers = dict(answers or {})
        self.requests: list[tuple[str, str, str]] = []
        self.headers: dict[str, str] = {}
        self.bodies: list[bytes] = []
        self.waiting = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        raw_path = request.scope["raw_path"].decode()
        self.requests.append((request.method, raw_path, request.url.query))
        self.headers = dict(request.headers)
        self.bodies.append(await request.body())
        if raw_path in self.answers:
            status, value = self.answers[raw_path]
            return JSONResponse(value, status_code=status)
        match raw_path:
            case "/api/chat" | "/v1/chat/completions":
                return StreamingResponse(self._stream(), media_type=self._media_type)
            case "/wait-before-answer":
                await self._wait(request)
            case "/api/ps" | "/api/tags":
                return JSONResponse({"models": []})
            case "/models":
                return JSONResponse({"data": [{"id": "a"}, {"id": "b", "status": {"value": "loaded"}}]})
            case "/teapot":
                return JSONResponse({"error": "short and stout"}, status_code=418, headers={"X-Kept": "yes"})
        return JSONResponse({"length": len(self.bodies[-1])}, headers={"Access-Control-Allow-Origin": "*"})

    async def _stream(self) -> AsyncIterator[bytes]:
        try:
            for line in self._chat_lines:
                if isinstance(line, Exception):
                    raise line
                if line == "WAIT":
                    self.waiting.set()
                    await asyncio.Event().wait()
                yield line.encode()
        except asyncio.CancelledError:
            self.left.set()
            raise

    async def _wait(self, request: Request) -> None:
        self.waiting.set()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.left.set()


def ndjson(*messages: object) -> list[str]:
    return [json.dumps(message) + "\n" for message in messages]


def events(*messages: object) -> list[str]:
    return [f"data: {json.dumps(message)}\n\n" for message in messages]
